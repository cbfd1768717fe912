"""Gradients that another program made, compared with the right ones, and the mistake named."""
