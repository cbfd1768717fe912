"""`attn check`."""
