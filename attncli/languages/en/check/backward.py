"""English: what went wrong in the backward pass, and what to change."""

BACKWARD = {
    # Where a mistake of the forward pass is made.
    "in_both_passes": "{what} (in the forward pass and in the backward pass)",
    "in_backward_from_lse": ("{what} (in the backward pass, where the weights are computed again from the right lse)"),
    "in_backward_softmax_again": (
        "{what} (in the backward pass, where softmax is computed again beside the right output)"
    ),
    # Names, layouts and groups.
    "each_gradient": "each gradient",
    "gradients_swapped": "d_query, d_key and d_value were taken from {names}",
    "is_that_of": "{whose} is that of the {name}",
    "gradient_merged": (
        "{whose} was written (batch, heads, length, features) and read as (batch, length, heads, features)"
    ),
    "gradient_split": (
        "{whose} was written (batch, length, heads, features) and read as (batch, heads, length, features)"
    ),
    "gradient_interleaved": "{whose} had its heads and features interleaved",
    "gradient_gathered": "{whose} had its features and heads interleaved",
    "gradient_turned": "{whose} was written (features, length) and read as (length, features)",
    "group_last": "{whose} was that of the last query head of its group: later ones overwrite it",
    "group_first": "{whose} was that of the first query head of its group",
    "group_mean": "{whose} was the mean over its group instead of the sum",
    "group_tiled": "{whose} was summed over the query heads h with h mod Hk",
    "group_tiled_last": "{whose} was that of the last query head h with h mod Hk",
    "group_apart": "{whose} has one head for each query head: those that share a key head were not summed",
    "fix_gradients_swapped": "return them in the order query, key, value",
    "fix_gradient_layout": (
        "swap length and heads before reshaping, or pass the strides of the gradient as it lies in memory"
    ),
    "fix_group": (
        "sum the gradients of the query heads that share a key head: reshape to (Hk, H / Hk) and sum the second axis"
    ),
    "fix_group_apart": "sum the gradients of the query heads that share a key head",
    # Factors, and the loss.
    "gradient_times": "{whose} is {number} times what it should be",
    "back_lacking": "{whose} lacks the scale",
    "back_twice": "{whose} was multiplied by the scale twice",
    "back_root": "{whose} was multiplied by the root of the scale",
    "back_ln2": "{whose} was multiplied by ln(2)",
    "back_log2e": "{whose} was multiplied by log2(e)",
    "back_lacking_and_twice": "d_query lacks the scale, and d_key was multiplied by the scale twice",
    "back_twice_and_lacking": "d_query was multiplied by the scale twice, and d_key lacks the scale",
    "all_times": "all gradients are {factor} times what they should be",
    "d_output_ones": "d_output was taken to be all ones",
    "d_output_layout": "d_output was read with length and heads in the other order",
    "fix_scale_back": (
        "multiply by the scale once in each: d_query = scale · d_scores · key, d_key = scale · d_scoresᵀ · query"
    ),
    "fix_value_factor": "look for what is added up twice, or for a factor in the last step of d_value",
    "fix_loss": "take the sum, not a mean, of the loss, or undo the loss scale",
    "fix_d_output_ones": "start from the d_output that is given",
    "fix_d_output_layout": "bring d_output to the layout of the output first",
    # δ, softmax and the sinks.
    "delta_of_sinks": "δ, that of the sinks too,",
    "delta_left_out": "{delta} was left out",
    "delta_sign": "{delta} was added instead of subtracted",
    "delta_twice": "{delta} was subtracted twice",
    "delta_half": "{delta} was halved",
    "delta_scaled": "{delta} was multiplied by the scale",
    "delta_divided": "{delta} was divided by the scale",
    "delta_mean_over_keys": "{delta} was the mean over the keys instead of the sum",
    "delta_mean_over_features": "{delta} was the mean of d_output ∘ output instead of the sum",
    "delta_no_output": "{delta} was the sum of d_output, not of d_output ∘ output",
    "delta_no_d_output": "{delta} was the sum of the output, not of d_output ∘ output",
    "delta_no_weights": "{delta} was the sum of d_weights, not weighted",
    "delta_no_weights_closed_ones_too": (
        "{delta} was the sum of d_weights over all keys, closed ones too, not weighted"
    ),
    "delta_mean_of_d_weights": "{delta} was the mean of d_weights, not weighted",
    "delta_queries": "{delta} was summed along the queries",
    "delta_heads": "{delta} was summed along the heads",
    "delta_one_element": "{delta} was not summed: weights ∘ d_weights was subtracted",
    "fix_delta": "subtract δ = rowsum(d_output ∘ output), one number for each row",
    "softmax_back_left_out": "the gradient of softmax was left out",
    "softmax_back_left_out_closed_ones_too": (
        "the gradient of softmax was left out, and closed keys were not closed on the way back"
    ),
    "softmax_back_not_weighted": "d_weights − δ was not multiplied by the weights",
    "softmax_back_weights": "the weights were used in the place of the gradient of the scores",
    "fix_softmax_back": "d_scores = weights ∘ (d_weights − δ)",
    "sink_back_zero": "the sinks had no gradient",
    "sink_back_sign": "the gradient of the sinks had the other sign",
    "sink_back_no_share": "δ was not multiplied by the sink's share of the weight",
    "sink_back_mean": "the gradient of the sinks was the mean over the queries",
    "sink_back_batch_mean": "the gradient of the sinks was the mean over the batch",
    "fix_sink_back": "d_sink = −Σ exp(sink − lse) · δ",
    # Runs that are missing.
    "keys_missing": "the part of keys {first} to {last} is missing in d_query",
    "keys_twice": "the part of keys {first} to {last} is counted twice in d_query",
    "queries_missing": "the part of queries {first} to {last} is missing in {whose}",
    "queries_twice": "the part of queries {first} to {last} is counted twice in {whose}",
    "fix_split": ("look at the bounds of the loop over tiles, at the last tile, and at what is added up atomically"),
    # Softcap, the rotation, what is added, and the products.
    "softcap_back_left_out": "the derivative of softcap was left out",
    "softcap_back_not_squared": "1 − tanh was taken for 1 − tanh²",
    "softcap_back_squared": "tanh² was taken for 1 − tanh²",
    "softcap_back_capped_again": "the derivative was taken at the capped score",
    "softcap_back_not_divided": "1 − capped² was taken for 1 − (capped/X)²",
    "softcap_back_divided_by_X": "the derivative was divided by X",
    "softcap_back_times_X": "the derivative was multiplied by X",
    "softcap_back_not_by_X": "the derivative was that of tanh(score)",
    "fix_softcap_back": "multiply by 1 − tanh²(score/{cap})",
    "turned_not_turned": "{whose} was not turned back",
    "turned_wrong_way": "{whose} was turned on instead of back",
    "turned_other_pairs": "{whose} was turned back with {pairing} pairs",
    "turned_from_0": "{whose} was turned back by positions from 0 on",
    "fix_rotation_back": "turn the gradients by the same angles with the other sign: cos, −sin",
    "added_zero": "the gradient of the {whose} was 0",
    "added_scaled": "the gradient of the {whose} was multiplied by the scale",
    "added_divided": "the gradient of the {whose} was divided by the scale",
    "added_of_weights": "the gradient of the {whose} was that of the weights",
    "added_mean": "the gradient of the {whose} was the mean, not the sum, over the axes that it lacks",
    "added_mean_of": "the gradient of the {whose} was the mean, not the sum, over the {axis}",
    "added_last_of": "the gradient of the {whose} was that of the last of the {axis} alone",
    "fix_broadcast": "sum d_logits over the axes on which the {whose} has length 1",
    "transposed_key": "d_key was d_scores · query, without the transpose",
    "transposed_query": "d_query was d_scoresᵀ · key",
    "transposed_value": "d_value was weights · d_output, without the transpose",
    "transposed_query_by_query": "d_query was d_scores · query instead of · key",
    "transposed_key_by_key": "d_key was d_scoresᵀ · key instead of · query",
    "fix_transposed": "d_query = d_scores · key, d_key = d_scoresᵀ · query, d_value = weightsᵀ · d_output",
}
