"""Gradients: by hand, by finite differences, by what must hold, and without a leak."""
