"""The commands: each parses, calls, and shows. Shared parts are in `arguments`, `groups` and `output`."""
