"""Right or wrong, where, and which mistake: an expected output compared with the one computed."""
