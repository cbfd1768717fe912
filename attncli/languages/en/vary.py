"""English: what is said where several values of an option stand side by side."""

VARY = {
    "changes": "What changes",
    "effective_keys": "effective keys",
    "largest_weight": "largest weight",
    "output_change": "output change",
    "legend": (
        "effective keys and largest weight: means over the queries that see something{which}; output change: "
        "that of the number that changes most, against {first}"
    ),
    "legend_weights": "means over the queries that see something{which}",
    "of_heads": ", over {count} heads",
    "of_head": ", in head {head} of {count}",
    "of_items": ", over {count} batch items",
    "of_item": ", of batch item {item} of {count}",
    "other_shape": "with {other} the output is {shape}, with {first} {before}: no change of it can be told",
    # the lesson
    "title": "What {option} changes: {values}",
    "intro": (
        "Nothing but {option} differs here, in {count} values; there are {queries}×{keys} scores, queries × keys{where}. "
        "Looked at closely is {query}."
    ),
    "row_weights": "Its weights, a row for each value of {option}",
    "row_logits": "Its logits, from which softmax makes them",
    "each": "Under each value",
    "row_facts": (
        "{value}: logits from {low} to {high}; most weight, {weight}, on {key}; in effect {effective} of {count} open "
        "keys share it."
    ),
    "row_one": "{value}: only {key} is open; its weight is {weight}.",
    "row_not_a_number": (
        "{value}: the row holds NaN or ∞, or products beyond the range of the numbers; nothing can be said of it."
    ),
    "row_nothing": "{value}: no key is open, so that weights and output are 0.",
    "row_key": "{value}: {key} has the logit {logit} and the weight {weight}.",
    "changed": "What that changes, against {first}",
    "same": "{value}: the weights of this query are the same.",
    "more": "{value}: the weight is spread over more keys, in effect {after} instead of {before}.",
    "fewer": "{value}: the weight is on fewer keys, in effect {after} instead of {before}.",
    "as_many": "{value}: the weights are others, but in effect as many keys share them.",
    "wider": (
        "{value}: the logits lie further apart, over a range of {after} instead of {before}. Softmax turns differences into "
        "factors, so that the largest weight grows."
    ),
    "narrower": (
        "{value}: the logits lie closer together, over a range of {after} instead of {before}. Softmax turns differences "
        "into factors, so that the weights become more even."
    ),
    "closed": "{value}: keys that were open and are closed: {count}.",
    "opened": "{value}: keys that were closed and are open: {count}.",
    "top": "{value}: most weight is on {after}, no longer on {before}.",
    "all": "All queries",
    "all_measured": "What is measured over all queries",
    "all_changed": (
        "{value}: the output changes most at {query}, feature {feature}, by {size}: there it is {after} instead of {before}."
    ),
    "all_output": "What that does to the output, against {first}",
    "all_same": "{value}: the output is the same.",
}
