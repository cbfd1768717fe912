"""English: what went wrong in codes of few bits, on the way to them and back, and in sums of few bits."""

CODES = {
    "codes_through": "{states} went through codes ({kind}, a scale for {scales}), {fault}",
    "codes_step": "{states} were rounded to whole multiples of {number}",
    "codes_limit": "{states} went through codes ({kind}) whose fixed scale lets them reach {number}: more is cut",
    "codes_cut": "{states} were cut at ±{number}",
    "fix_codes": "keep the scale (and the zero point) beside the codes, and apply those of the same tensor, head or token",
    "scales_batch": "everything",
    "scales_tensor": "each batch item",
    "scales_head": "each head",
    "scales_channel": "each channel",
    "scales_token": "each token",
    "scales_token_of_all_heads": "each token, its heads together",
    "scales_group": "each {size} features",
    "codes_fault_none": "and so were rounded",
    "codes_fault_forgotten": "and were not multiplied by the scale again: the scale is forgotten",
    "codes_fault_twice": "and were multiplied by the scale twice",
    "codes_fault_divided": "and were divided by the scale instead of multiplied",
    "codes_fault_wraps": "in which the largest overflows: it wraps to the smallest",
    "codes_fault_beyond": "whose scale is too small by one code: the largest saturates",
    "codes_fault_unsigned": "which were read without their sign: negative codes became large",
    "codes_fault_past": "and those of the past (the cache) were not multiplied by the scale again",
    "codes_fault_nibbles_swapped": "two to a byte, high and low nibble swapped: neighbouring features are exchanged",
    "codes_fault_nibbles_halves": "two to a byte, unpacked into two halves: the features stand in another order",
    "codes_fault_nibbles_interleaved": "two to a byte, unpacked in turns: the features stand in another order",
    "codes_fault_zero_forgotten": "and the zero point was not added again: the zero point is forgotten",
    "codes_fault_zero_sign": "and the zero point was added with the other sign",
    "codes_fault_zero_rounded": "with a zero point that is a whole code",
    "codes_fault_zero_unscaled": "and the zero point was added without the scale",
    "rounded_to": "{what} {how}",
    "between_scores": "the scores",
    "between_products": "the scores, before their scale,",
    "between_weights": "the weights",
    "between_exponentials": "the exponentials, less their maximum, but not their sum,",
    "between_exponentials_before_their_sum": "the exponentials, less their maximum, and so their sum,",
    "between_sum": "the sum of the exponentials",
    "between_accumulator": "the weighted sum of the values",
    "between_output": "the output",
    "to_as_they_are": "went through {kind}, with no scale: so few bits round them",
    "to_of_largest": "went through {kind}, 1 being the largest code: so few bits round them",
    "to_by_row": "went through {kind}, with a scale for each row: so few bits round them",
    "to_of_one": "were rounded to whole multiples of 1/{kind}, as codes of few bits (int8, int4) are",
    "to_to_steps": "were rounded to whole multiples of {kind}",
    "to_sum": "was accumulated in {kind}, {count} keys at a time, and rounded after each",
    "fix_rounded_between": "keep scores and weights in float16 or more, and accumulate over the keys in float32",
    "weights_below_all": "weights below {number} counted as 0, and the others kept theirs",
    "weights_below_all_again": "weights below {number} counted as 0, and the others were divided by their sum again",
    "weights_below_largest": "weights below {number} of the largest of their row counted as 0; the others kept theirs",
    "weights_below_largest_again": "weights below {number} of the largest of their row counted as 0; the others sum to 1",
    "dropout_scaled_of_scores": (
        "dropout was left on, on the scores (p about {p}): {share} of them are 0, the others were scaled by {factor}"
    ),
    "dropout_unscaled_of_scores": "dropout was left on, on the scores (p about {p}): {share} of them are 0",
    "dropout_unscaled_of_keys": (
        "dropout before softmax (p about {p}): {share} of the logits are −∞ at random, and the other keys share the weight"
    ),
    "dropout_scaled_of_output": (
        "dropout was left on, on the output (p about {p}): {share} of its numbers are 0, the others were scaled by {factor}"
    ),
    "dropout_unscaled_of_output": (
        "dropout on the output (p about {p}): {share} of its numbers are 0, the others were not scaled up"
    ),
    "fact_chance_even": (
        "the differences look like noise: random, as large in every row, with a standard deviation {number} times that "
        "of the output"
    ),
    "fact_chance_relative": "the differences look like noise: random, {number} times the number itself",
    "fact_chance_sum": (
        "the differences are random and as large as dropout of the weights, or dropout before softmax (keys missing at "
        "random), would make them, p being about {p}"
    ),
    "fact_chance_scores": ("the differences are random and as large as dropout on the scores would make them"),
    "fix_weights_flushed": "keep small weights, or lower the threshold: many of them together are not small",
}

# Whose scale, or zero point, was taken.
WHOSE = {
    "first": "the first",
    "last": "the last",
    "next": "the next",
    "previous": "the previous",
    "largest": "all, the largest,",
    "mean": "all, their mean,",
}
OF = {"item": "batch item", "head": "head", "token": "token", "feature": "channel or group of features"}
for _whose, _said in WHOSE.items():
    for _of, _noun in OF.items():
        CODES[f"codes_fault_{_whose}_{_of}"] = f"and were multiplied by the scale of {_said} {_noun}"
        CODES[f"codes_fault_zero_{_whose}_{_of}"] = f"and the zero point of {_said} {_noun} was added"
