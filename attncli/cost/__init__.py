"""What attention costs: operations, bytes, cache and time of a shape, a problem or a model, with the sums shown."""
