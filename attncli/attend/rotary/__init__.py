"""Rotary embedding of every kind: frequencies and their scaling, tables, parts of a head, sections."""
