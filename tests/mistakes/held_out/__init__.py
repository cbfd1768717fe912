"""Kinds of wrong outputs that are held out: whoever develops the search does not look at them."""

from tests.mistakes.held_out import caches, functions, kernels, maps, results, rotations

__all__ = ["caches", "functions", "kernels", "maps", "results", "rotations"]
