"""Time this machine: attn beside the libraries that are installed, and beside the limit."""
