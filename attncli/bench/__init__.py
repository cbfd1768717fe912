"""Time this machine: attn, the libraries that are installed, and the two matrix products alone."""
