"""The stages of attention, one module per stage: rotate → score → cap → mask → softmax → sum.

Each module holds the formula, the forward function on arrays, and the `Stage` record that `attncli.attend.steps` runs.
"""
