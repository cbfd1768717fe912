"""The commands: each parses, calls, and shows. What they share is in `arguments` and `deliver`."""
