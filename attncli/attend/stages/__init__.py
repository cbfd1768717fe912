"""The stages of attention, one module each, in the order of the folder's formula."""
