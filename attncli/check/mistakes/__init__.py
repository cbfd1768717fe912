"""The known mistakes, one module per family."""
