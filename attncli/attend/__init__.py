"""The mathematics of attention, on NumPy arrays; nothing here knows about files or terminals."""
