"""Tests of attn inspect."""
