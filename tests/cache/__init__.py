"""What a cache of fewer bits changes."""
