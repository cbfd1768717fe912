"""English: the words of the page to look around in."""

PAGE = {
    "title": "Attention",
    "no_script": "Here would be the maps. A script in this file draws them, and this browser runs no scripts.",
    "head": "Head",
    "head_of": "{head} of {heads} (counted from 0)",
    "step": "Step",
    "step_scores": "scores",
    "step_capped": "capped",
    "step_logits": "logits",
    "step_weights": "weights",
    "step_weighted": "weights × |value|",
    "find": "Find",
    "found": "{count} found",
    "theme": "Light / dark",
    "map": "Heat map: arrow keys move, Enter picks the query",
    "lines": "The chosen query and the keys that it looks at",
    "query": "query {label}",
    "key": "key {label}",
    "status": "{query} → {key}: {step} {value}",
    "list_join": ", ",
    "closed": "closed",
    "grey": "grey: closed",
    "help": (
        "Point at a cell for its numbers; click a query to see where it looks. Keys: arrows move, Enter picks, "
        "[ and ] change the head, 1 to {steps} the step, / finds."
    ),
    "help_variants": (
        "Point at a cell for its numbers; click a query to see where it looks. Keys: arrows move, Enter picks, "
        "[ and ] change the value, 1 to {steps} the step, / finds."
    ),
    "item": "Batch item {item} of {items}.",
    "mean": "Each cell is the mean of {down} × {across}; closed keys are left out.",
    "digits": "Numbers are kept to three digits.",
    "scale": "Scale (temperature)",
    "as_given": "as given",
    "scaled": "{scale}, {factor} times as given; temperature {temperature}",
    "row_facts": "Query {query}: effective keys {effective}, largest weight {weight} on key {key}.",
    "photo": "The picture, with the chosen row over its patches: arrow keys move, Enter picks a patch as the query",
    "photo_row": "Query {query} looks most at {keys}.",
    "red": "red: no number",
    "variants": "The same map under each value, in the same colours: click one to look at it",
    "variant_facts": "keys in effect {effective}; {weight} on {key}",
    "features": "What the score of {query} and {key} is made of: {score}",
    "features_bars": "A bar for each feature: up adds to the score, down takes from it. Point at one for what it adds, and in parentheses the query and the key there.",
}
