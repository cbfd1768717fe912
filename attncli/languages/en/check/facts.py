"""English: what `attn check` says of an output that nothing explains, and of a search that ended early."""

FACTS = {
    "fact_border": "only the rows {rows} differ: the border, {border}, is a multiple of {tile}",
    "fact_columns": "only the columns {columns} of {all} differ",
    "fact_zeros": "{share} of the numbers that differ are exactly 0",
    "fact_zeros_scaled": "{share} of the numbers that differ are exactly 0, and the others {factor} times the right ones",
    "fact_outside": (
        "{count} of {all} rows are no weighted sums of the values that they see: something was added, projected or gated "
        "behind the sum, or other values were read"
    ),
    "fact_sums": "recovered from the output, the weights of {count} of {all} rows do not sum to 1 but to {sums}",
    "fact_missing": "recovered from the output, the weights of keys {keys} are 0, though these keys are open",
    "fact_extra": "recovered from the output, keys {keys} have weight, though they are closed",
    "fact_logits_factor": "recovered from the output, the logits of heads {heads} are {number} times the right ones",
    "fact_logits_slope": (
        "recovered from the output, the logits of heads {heads} differ by {number} × the distance from key to query"
    ),
    "fact_logits_by_distance": (
        "recovered from the output, the logits of heads {heads} differ by a number that depends on the distance alone "
        "({numbers})"
    ),
    "fact_logits_by_key": (
        "recovered from the output, the logits of heads {heads} differ by a number that depends on the key alone ({numbers})"
    ),
    "fact_logits_right": "recovered from the output, the logits of heads {heads} are right, but for one number a row",
    "fact_logits_other": (
        "recovered from the output, the logits of heads {heads} differ by up to {number}, by no rule of distance or key"
    ),
    "rows_of_part": "all of these rows",
    # The part in which a mistake was made, and what there was no time for.
    "only_in": "{what}; in {places} only",
    "part_batch_items": "batch items {places}",
    "part_heads": "heads {places}",
    "part_rows": "query rows {places}",
    "untried": "The search ended after {seconds} s. Not tried, or not all of it: {phases}. --seconds N gives it more time.",
    "phase_some_single_mistakes": "some single mistakes",
    "phase_some_generated_mistakes": "some generated mistakes",
    "phase_the_whole_of_what_explains_a_sample": "the whole of what explains a sample",
    "phase_some_caches_of_fewer_bits": "some caches of fewer bits",
    "phase_some_pairs_of_mistakes": "some pairs of mistakes",
    "phase_rows_that_were_not_written": "rows that were not written",
    "phase_single_mistakes": "single mistakes",
    "phase_generated_mistakes": "generated mistakes",
    "phase_caches_of_fewer_bits": "caches of fewer bits",
    "phase_other_values": "other values",
    "phase_mistakes_in_a_part_alone": "mistakes in a part alone",
    "phase_pairs_of_mistakes": "pairs of mistakes",
    "phase_dropout": "dropout that was left on",
    "phase_mistakes_beside_rounding": "mistakes beside rounding",
}
