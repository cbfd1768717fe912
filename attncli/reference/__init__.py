"""The reference that `attn help` prints: made from the declarations, in every language."""
