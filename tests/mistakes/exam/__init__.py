"""The exam of `attn check`: outputs as ports, caches, kernels and parallel layouts make them wrong, and right ones.

Each wrong output is computed as the wrong program would, by plain NumPy; nothing of the program under test is used.
`python -m tests.mistakes.exam` runs it and prints what was named, what was described and what was blamed.
"""
