"""The steps, taught with the reader's own numbers, in English and Chinese."""
