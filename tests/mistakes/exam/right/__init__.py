"""Routes to the right output, a module for each part of the computation that they change."""

from tests.mistakes.exam.right import frameworks, parts, precisions, rotations, sums

__all__ = ["frameworks", "parts", "precisions", "rotations", "sums"]
