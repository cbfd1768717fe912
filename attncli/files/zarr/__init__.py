"""Zarr: arrays in chunks, each a file of its own or many to a shard, in a folder or at an address.

Sources: https://zarr-specs.readthedocs.io/en/latest/v3/core/ and …/v2/v2.0.html. What lies there is looked at here,
before the library zarr is asked to read any of it: `places` finds it, `headers` reads what it says of itself, `stored`
has the arrays, whole or in regions, `layout` chooses chunks, and `archive` is the format for the table of formats.
"""
