"""A model's configuration, read by its fields: which layers it has, and what each holds."""
