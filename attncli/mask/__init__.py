"""Masks without query and key: what they open, drawn and counted, and how two of them differ."""
