"""`attn bench`."""
