"""A cache of keys and values that keeps them in fewer bits: types, scales, and how the option names both."""
