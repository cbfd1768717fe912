"""The fast twin of the steps: computes only the output, without a score matrix."""
