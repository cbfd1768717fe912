"""The program as a process: what it prints, how it fails, what it exits with."""
