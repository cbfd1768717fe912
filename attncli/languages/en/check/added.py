"""English: wrong factors, softcaps, biases and penalties, which change or join the scores; and what to change."""

ADDED = {
    # The scale, and factors of single queries.
    "scale_after_softmax": "the scale {scale} was applied after softmax, to the output, and not to the scores",
    "scale_of_0": (
        "the scores were multiplied by 0, as by an integer division in 1/√d: all open keys have equal weights"
    ),
    "fix_scale_before": "multiply the scores by it, before softmax",
    "fix_scale_float": "multiply by {scale}, computed as a floating point number",
    "factors_left_out": "the factors of queries (query_scale, temperature) were left out",
    "factors_twice": "the factors of queries (query_scale, temperature) were multiplied twice",
    "factors_divided": "the factors of queries (query_scale, temperature) were divided by",
    "factors_last_for_all": "the factors of queries (query_scale, temperature) were that of the last position for all",
    "factors_first_for_all": "the factors of queries (query_scale, temperature) were that of the first position for all",
    "factors_late_by_one": (
        "the factors of queries (query_scale, temperature) were those of one position before: late by one"
    ),
    "factors_early_by_one": "the factors of queries (query_scale, temperature) were those of one position on",
    "factors_mean": "the factors of queries (query_scale, temperature) were their mean for all positions",
    "factors_reversed": "the factors of queries (query_scale, temperature) were in reverse order",
    "factors_mean_of_heads": (
        "the factors of queries (query_scale, temperature) were the mean of those of all heads (scale)"
    ),
    "factors_head_0": "the factors of queries (query_scale, temperature) were those of head 0 for all heads (scale)",
    "factors_next_head": "the factors of queries (query_scale, temperature) were those of the next head (scale)",
    "factors_head_before": "the factors of queries (query_scale, temperature) were those of the head before (scale)",
    "factors_heads_reversed": (
        "the factors of queries (query_scale, temperature) were those of heads in reverse order (scale)"
    ),
    "factors_item_0": "the factors of queries (query_scale, temperature) were those of batch item 0 for all",
    "factors_on_keys": "the factors of queries (temperature) were multiplied to the keys at their positions instead",
    "factors_by_rule": "the scores of each query were multiplied by {ratio} · {rule} besides, a factor by position",
    "rule_of_logarithm": "log(position + {add})",
    "rule_of_power": "(position + 1)^{power}",
    "fix_factors": "multiply the scores of each query by its own factor (query_scale), beside the scale",
    # The softcap.
    "cap_clamp": "softcap was a clamp: scores were clipped at ±{limit}",
    "cap_not_divided": "softcap was {limit}·tanh(score): the score was not divided by {limit}",
    "cap_twice": "softcap was applied twice",
    "cap_half": "softcap was {limit}·tanh(score/{double}), as {limit}·(2σ(score/{limit}) − 1) is",
    "cap_soft_sign": "softcap was score/(1 + |score|/{limit}), another function",
    "cap_arc_tangent": "softcap was an arc tangent, another function",
    "cap_above_only": "softcap was a clamp from above alone, at {limit}",
    # The bias.
    "bias_mean_of_heads": "the mean of the biases of all heads was added in each head",
    "bias_sum_of_heads": "the sum of the biases of all heads was added in each head",
    "bias_shifted_again": "the relative shift (by padding and reshape) was made once more on the bias",
    "bias_not_shifted": "the relative shift (by padding and reshape) was left out of the bias",
    "bias_lost_from": "the bias was left out from key {key} on",
    "bias_lost_before": "the bias was left out before key {key}",
    "bias_after_softmax": "the bias was added to the weights, after softmax",
    "fix_own_bias": "add the bias of each head, query and key to its score",
    # The bias of a distance, and of T5's buckets.
    "distances_as_behind": ("the bias was one-sided: keys ahead had that of keys as far behind, whatever the side"),
    "distances_as_ahead": "the bias was one-sided: keys behind had that of keys as far ahead, whatever the side",
    "distances_transposed": "the bias was transposed: the sign of the distance was the other way round (p − j)",
    "distances_none_ahead": "the bias of all keys ahead was that of distance 0",
    "distances_none_behind": "the bias of all keys behind was that of distance 0",
    "distances_one_farther": "the bias was that of a distance one farther",
    "distances_one_nearer": "the bias was that of a distance one less far",
    "distances_end": "the bias of distances beyond {most} was that of {most}",
    "buckets_one_sided": (
        "T5's buckets were one-sided: all keys ahead were in the first bucket (bidirectional was lost)"
    ),
    "buckets_as_behind": "T5's buckets were those of |distance| for both sides: keys ahead had those of keys behind",
    "buckets_two_sided": "T5's buckets were two-sided: half of them for keys ahead",
    "buckets_end": "T5's buckets of far distances ended at {most} instead of {right}",
    "buckets_exact": "T5's buckets had one distance each to the last, without the logarithm of far distances",
    "buckets_count": "T5's buckets were {count} instead of {right}",
    "buckets_of_one_side": "{what} one-sided",
    # ALiBi.
    "slopes_counted_by_rank": (
        "ALiBi's slopes: each of {ranks} ranks counted its {own} heads from 0, with the slopes of {own} heads"
    ),
    "slopes_first_by_rank": "ALiBi's slopes: each of {ranks} ranks took the first {own} slopes of {count} heads",
    "slopes_of_head": "all heads had the same slope of ALiBi, that of head {head}",
    "slopes_reversed": "ALiBi's slopes stood in reverse order of the heads",
    "slopes_by_size": "ALiBi's slopes were in order of size, from the steepest",
    "slopes_mean": "all heads had the same slope of ALiBi, the mean of all",
    "slopes_next_head": "ALiBi's slopes were those of the next head",
    "slopes_head_before": "ALiBi's slopes were those of the head before",
    "slopes_ones": "ALiBi's slopes were all 1",
    "slopes_inverse": "ALiBi's slopes were the inverse ones",
    "slopes_twice": "ALiBi was added twice, or with twice its slopes",
    "slopes_half": "ALiBi was added with half of its slopes",
    "slopes_in_tiles": (
        "ALiBi's distance was taken from the column in a tile of {size} keys, which restarts at each tile"
    ),
    "slopes_rounded": "ALiBi was m·j with positions rounded to {kind}",
    "slopes_behind": "ALiBi was added to the distance of keys behind alone: keys ahead had no penalty",
    "slopes_squared": "ALiBi was taken of the squared distance",
    "slopes_end": "ALiBi's distance was at most {most}: farther keys had no more penalty",
    "fix_own_slope": "give each head of the whole model its own slope, and each key its distance from the query",
}
