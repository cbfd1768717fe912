"""The questions, one module per kind."""
