"""The fast twin of the steps: the output alone, without a score matrix."""
