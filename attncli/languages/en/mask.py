"""English: what `attn mask` says."""

MASK = {
    "title": "Mask",
    "queries": "queries",
    "keys": "keys",
    "open": "open",
    "only_one": "only {side}",
    "differing": "differ",
    "count": "{queries}×{keys} (queries × keys), {open} of {all} open",
    "both": "{count}; {legend}",
    "side": "{side}: {file}: {open} of {all} open",
    "reach": "open keys",
    "reach_differing": "keys that differ",
    "none": "none",
    "legend": "{open} open, {closed} closed",
    "legend_mean": "each sign is {down}×{across} cells, with more ink the more of them are open; {closed} none",
    "legend_two": "{open} open in both, {closed} in neither, A in A alone, B in B alone",
    "legend_two_mean": "each sign is {down}×{across} cells, with more ink the more of them differ; {closed} none",
    "mean": "each cell is the share of {down}×{across} that is open",
    "mean_differing": "each cell is the share of {down}×{across} that differs",
    "same": "the two masks are the same: {open} of {all} open",
    "differ": "{count} of {all} differ: {a} open in A alone, {b} in B alone",
    "places": "they differ in {places}",
    "shapes": "A is {a} and B is {b}, which cannot be laid on each other",
    "named": "{name}: {sentence}",
    "by_rule": "{one} is {other} with this done to its rule {rule} alone.",
    "unnamed": "No rule that is known here makes the one of the other.",
    "too_large": "The masks are too large to look for a rule that makes the one of the other.",
    "difference_inverted": (
        "Each is the other inverted: what is open in the one is closed in the other. In one of them, true means closed."
    ),
    "difference_axes-swapped": "{one} is {other} with its axes swapped: they lie in the order ({axes}).",
    "difference_padding-side": (
        "{one} closes keys at the beginning and {other} at the end, as if padding stood on the other side."
    ),
    "difference_corner": (
        "The causal rule of {other} starts in the top left corner, that of {one} ends in the bottom right one: the "
        "first query stands at position {offset} there (--offset end)."
    ),
    "difference_shifted": (
        "{one} is {other} shifted by {keys} along the keys and {queries} along the queries: a diagonal or a position "
        "is off."
    ),
    "difference_window-bounds": (
        "The window of {one} reaches {left} further back and {right} further ahead than that of {other}."
    ),
    "difference_union-outside-window": (
        "{other} opens (causal or same block) and window, {one} opens (causal and window) or same block: the window "
        "does not hold within blocks ({blocks} here)."
    ),
    "difference_documents-ignored": (
        "{one} is {other} without its documents: in {other} the tokens fall into {documents} that do not see each other."
    ),
}
