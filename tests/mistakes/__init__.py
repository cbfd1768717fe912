"""Attention as people write it, right and with every known mistake in it: problems for `attn check`.

An attention here is a `Way`: a pipeline of small stages. A mistake replaces one or a few of them, so two
mistakes at once are two replacements. Nothing of the program under test is used.
"""
