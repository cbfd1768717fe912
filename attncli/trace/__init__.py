"""Record the attention of real models: its input, and the output of the model itself."""
