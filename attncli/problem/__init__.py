"""What the files and flags of a command come to: one attention problem."""
