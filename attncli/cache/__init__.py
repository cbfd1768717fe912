"""What a cache of fewer bits does to the attention, and how that is shown."""
