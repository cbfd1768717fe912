"""The program from the command line: what it prints, how it fails, what it exits with."""
