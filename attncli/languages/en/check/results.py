"""English: what `attn check` says of results on the way."""

RESULTS = {
    "results_right": "right: {names}",
    "first_result": "{name} is the first that differs",
    "first_result_after": "{name} is the first that differs; right before it: {names}",
    "of_result": "{name} {what}",
    "result_excused": "{name}: {really}; what comes later is right, so that only the name differs",
    "tolerance_of_results": "tolerance of results: {tolerance}",
    "where_result": "Where {name} differs",
    "not_finite_array": "{kind}: {expected} in the expected array, {computed} in the computed one",
    # How one was compared.
    "result_note_fill": "closed keys hold {number} there and −∞ here, which is the same",
    "result_note_masked": (
        "{number} closed keys are masked in it already, which comes later here; they were not compared"
    ),
    "result_note_repeated": "it has each key head {count} times, once for each query head, and was compared so",
    "result_note_new_only": "it lacks the {count} past keys, and was compared without them",
    "result_note_stands_for": "nothing makes {name} here: it was compared with {other}",
    "result_really": "it is what is called {name} here",
    "result_really_unscaled": "it is the product of query and key before the scale",
    "result_really_base_2": "it is the logarithm to the base 2, not e",
    # Why.
    "search_between": "{right} right, {wrong} wrong: looked for between these",
    "search_up_to": "{wrong} wrong, and nothing before it is known to be right: looked for up to there",
    "unexplained_result": "None of the known mistakes that show there, alone or in pairs, makes {name} what it is.",
    "no_recipe": "No known mistake is made before {name}: look at the matrices, biases and norms that make it.",
    "result_throughout": "{name} is {what} throughout: it was not written, or no key was open",
    "explains_output": "The same explains the output.",
    "output_follows": "The output is what these weights give: nothing is wrong behind them.",
    "more_in_output": "That does not explain the output: something that comes later is wrong too.",
    "fact_cells_closed": "{count} keys that are open here are closed there; the first for query {query}: key {place}",
    "fact_cells_open": "{count} keys that are closed here are open there; the first for query {query}: key {place}",
    "fact_sums_of_weights": "rows of weights that differ sum to {sums}, where 1 is right",
}
