"""Tests of attncli/reference."""
