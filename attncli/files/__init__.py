"""Files in, files out: only this package knows formats."""
