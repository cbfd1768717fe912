"""`attn plot`."""
