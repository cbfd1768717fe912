"""Several values of one option side by side: what is computed, shown, drawn and said."""
