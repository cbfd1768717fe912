"""Recording the attention of real models: what goes into it, and what the model itself makes of that."""
