"""Files and flags as one problem."""
