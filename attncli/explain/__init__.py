"""The steps, taught with the reader's own numbers, in any of the languages."""
