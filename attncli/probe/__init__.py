"""`attn probe`: inputs on which the conventions of a program show, and what its outputs say about them."""
