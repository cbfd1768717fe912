"""What `compute` and the filters show."""
