"""What goes wrong on the way back: each mistake replaces the ``backward`` of a stage, or what it is given."""
