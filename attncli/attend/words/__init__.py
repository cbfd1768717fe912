"""The options and arrays of each stage, every word declared once."""
