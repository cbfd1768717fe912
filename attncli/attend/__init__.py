"""The mathematics of attention, on NumPy arrays; it knows nothing of files or terminals."""
