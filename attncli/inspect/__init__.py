"""What `inspect` shows."""
