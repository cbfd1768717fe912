"""Several values of one option side by side: what is computed under each, and what changes."""
