"""English: what `attn check --against` says of two dumps."""

AGAINST = {
    "dumps_same": "{mine} against {theirs}: the same in {count} pairs, up to rounding",
    "dumps_differ": "{mine} against {theirs}: {wrong} of {count} pairs differ, first {array} of {name}",
    "dumps_the_problem": "the problem",
    "dumps_both_names": "{mine} ~ {theirs}",
    # The table, and what is said below it.
    "dumps_problem": "problem",
    "dumps_theirs": "in the other dump",
    "dumps_shape": "shape",
    "dumps_legend": (
        "{equal} the same, {rounding} apart by rounding, {differs} different, with the largest difference, {absent} not "
        "in both"
    ),
    "dumps_said_of_some": "{what} ({names})",
    "dumps_by_order": "no name of the one is like a name of the other: they were paired in order; --map says otherwise",
    "dumps_aligned_labels": "the {count} tokens with equal labels were compared",
    "dumps_aligned_left_padding": "one side is padded on the left: the last {count} tokens were compared",
    "dumps_aligned_right_padding": "one side is padded on the right: the first {count} tokens were compared",
    "dumps_padding_left_out": "tokens that no query sees in the other dump are padding, and were left out",
    "dumps_note_layout": "{name} has another layout here, {layout}",
    "dumps_note_heads_repeated": "{name} has each key head {count} times on one side",
    "dumps_note_pairs": (
        "{name} has the features of a head in another order here, {order}, as a checkpoint for the other kind of rotary "
        "pairs has"
    ),
    "dumps_read_as": "this dump lies as {flags} says, though it does not say so itself",
    "dumps_only_mine": "only here, and not compared: {names}",
    "dumps_only_theirs": "only in the other dump, and not compared: {names}",
    "dumps_both_left": "where the two count layers from different numbers, --map says which is which",
    "dumps_option_differs": "option {option} is {mine} here and {theirs} there",
    # The first difference.
    "first_array": "First difference: {array} of {name} is off by {error}, where {tolerance} is rounding.",
    "first_mask": "First difference: the mask of {name} opens other keys, in {count} of {all} places.",
    "first_array_not_finite": "First difference: {array} of {name} has NaN or ∞ where the other one has a number.",
    "first_shape": "First difference: {array} of {name} is {mine} here and {theirs} there.",
    "mask_rule": "{name}: {rule}",
    "mask_here": "the mask here",
    "mask_there": "the one there",
    "dumps_right_there": "the same there: {names}",
    "dumps_between": "The output of {before} is the same: look at what lies between that and {name}.",
    # Why.
    "dumps_not_looked_for": "Not looked for (--no-diagnose).",
    "dumps_input_differs": "Not looked for: {name} is what goes in, and what made it is not in the dumps.",
    "dumps_no_results": "Not looked for: nothing that is made of it is in both dumps.",
    "dumps_cannot": "Not looked for: {why}.",
    "dumps_unfit": (
        "Not looked for: what the other dump holds of this problem does not give its own output (off by {error}, where "
        "{tolerance} is rounding). Its options or masks are missing; give them as flags, or in the file."
    ),
    "dumps_unfit_but_for": (
        "Not looked for: what the other dump holds of this problem does not give its own output (off by {error}, where "
        "{tolerance} is rounding). With {flags} it does: give that too."
    ),
    "checked_with_theirs": "{name}, from the inputs of the other dump",
    "checked_with_same": "{name}, from its own inputs, which are the same up to rounding",
    "checked_with_mine": "{name}, from its own inputs",
    "right_but_for_the_mask": (
        "With the mask of the other dump the output is right: the mask in this one says it in another way, or it is not the "
        "one that was used."
    ),
    "right_for_its_inputs": "The attention is right for what it was given: the mistake is in what made {name}.",
    "right_from_theirs": "From these inputs it is right: the difference comes in with what goes in.",
}
