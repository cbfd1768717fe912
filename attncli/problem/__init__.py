"""Turn the files and flags of a command into one attention problem."""
