"""`attn explain`."""
