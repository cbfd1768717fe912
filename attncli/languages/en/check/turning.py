"""English: wrong rotations and positions of many kinds, and what to change."""

TURNING = {
    # Rotations, beside a cache too.
    "rope_left_out_alone": (
        "the rotation was left out, or by position 0, as if there were no cache, or done over the axis of heads"
    ),
    "rope_backwards_swapped": "the rotation went the other way round, as if sin and cos were taken for one another",
    "rope_query_only_new": "the new key was not rotated",
    "rope_key_only_alone": "the query was not rotated, or by position 0, as if there were no cache",
    "rope_theta_of_new": "the base of the rotation of new tokens, not of the cache, was {base}",
    "rope_theta_of_new_common": "the base of the rotation of new tokens, not of the cache, was {base}, a common base",
    # The scaling of frequencies.
    "scaling_left_out": "the scaling of the frequencies ({kind}) was left out",
    "scaling_factor_alone": (
        "the scaling of the frequencies ({kind}) was left out, and the attention factor {factor} alone was applied"
    ),
    "scaling_no_factor": "the attention factor {factor} of the scaling ({kind}), on cosine and sine, was left out",
    "scaling_factor_once": (
        "the attention factor {factor} of the scaling ({kind}) was applied to the scores once instead of to query and key"
    ),
    "scaling_factor_twice": "the attention factor {factor} of the scaling ({kind}) was applied twice",
    "scaling_positions_divided": (
        "all frequencies were divided by {by}: positions were divided, as linear scaling does"
    ),
    "scaling_positions_alone": "{what}, and no attention factor applied to the scaling ({kind})",
    "scaling_multiplied": (
        "the frequencies were multiplied by {by}, not divided: the scaling ({kind}) was the inverse one"
    ),
    "scaling_twice": "the frequencies were scaled twice ({kind}, by {by} each time)",
    "scaling_ramp_reversed": "the ramp between scaled and other frequencies ({kind}) was the other way round",
    "scaling_ignored": "the parameter {name} of the scaling ({kind}) was ignored",
    "scaling_exchanged": "{one} and {other} of the scaling ({kind}) were taken for one another",
    "scaling_truncated": "the borders of yarn's ramp were rounded to whole pairs (scaling: truncate)",
    "scaling_not_truncated": "the borders of yarn's ramp were not rounded to whole pairs (scaling: truncate)",
    "scaling_other_factor": "the factor of the scaling ({kind}) was {by} instead of {right}",
    "scaling_unasked": "the frequencies were divided by {by} although no scaling is asked for (linear)",
    "scaling_unasked_of_model": "the frequencies were scaled although no scaling is asked for ({name})",
    "model_scaling_llama3": "llama3, as Llama 3.1 has it",
    "model_scaling_yarn": "yarn, as Qwen 2.5 has it",
    "fix_scaling": "scale the frequencies ({kind}) as the model's configuration says (--rope-scaling)",
    "fix_unasked_scaling": "do not scale the frequencies, or say how (--rope-scaling)",
    # Other frequencies.
    "frequencies_multiplied": "all frequencies were multiplied by {by}, which is to multiply the positions (scaling)",
    "frequencies_reversed": "the frequencies stood in reverse order",
    "frequencies_from_1": "the exponents of the frequencies began at pair 1 instead of 0",
    "frequencies_to_the_end": "the exponents of the frequencies were i/{last} instead of i/{count}",
    "frequencies_inverse": "the frequencies were the inverse ones: positions were multiplied by θ^(2i/D)",
    "frequencies_rounded": "the frequencies were rounded to {kind}",
    "frequencies_first_still": "the first pair of features was not turned",
    "frequencies_last_still": "the last pair of features was not turned",
    "fix_frequencies_multiplied": "multiply positions by nothing",
    "fix_frequencies": "the frequency of pair i is {theta}^(−2i/{count})",
    # Which features turn.
    "features_all": "all {count} features",
    "features_first": "the first {count} features",
    "features_last": "the last {count} features",
    "turned_all": "all {features} features were turned, by frequencies of {features} features",
    "turned_other_end": "{which} were turned, not {own}",
    "turned_only": "only {which} were turned, by frequencies of {count} features",
    "turned_only_pairs": "only the first {some} pairs of {count} were turned",
    "turned_by_whole_head": (
        "the frequencies were those of a head of {features} features, not of the {count} that turn"
    ),
    "fix_turn_part": "turn {which} (--rope-dim)",
    "fix_turn_by_own": "turn {which} by their own frequencies (--rope-dim)",
    # Which way they turn, and by which tables.
    "turned_backwards_query": "the query was turned the other way round, and the key was not",
    "turned_backwards_key": "the key was turned the other way round, and the query was not",
    "turned_paired_query": "the query was paired {other} instead of {own}, and the key was not",
    "turned_paired_key": "the key was paired {other} instead of {own}, and the query was not",
    "turned_by_heads": (
        "query and key were rotated by the index of their head instead of their position: over the axis of heads"
    ),
    "tables_swapped": "sin and cos were taken for one another",
    "tables_rounded": "the tables of cosines and sines were rounded to {kind}",
    "tables_read_far": "the tables of cosines and sines were read one row too far",
    "tables_read_early": "the tables of cosines and sines were read one row too early",
    "fix_turn_alike": "rotate query and key alike, with --rope {own}",
    "fix_turn_formula": "turn (a, b) to (a·cos − b·sin, a·sin + b·cos)",
    "fix_keep_float32": "keep positions, angles and tables in float32",
    "fix_row_of_position": "read the row of each token's position",
    # Sections, which turn by several positions.
    "position_first": "first",
    "position_second": "second",
    "position_third": "third",
    "sections_all": "all sections turned by the {which} position",
    "sections_order": "the sections turned by the positions in another order: {order}",
    "sections_reversed": "the sections were taken in reverse order along the pairs",
    "sections_interleaved": "the sections were interleaved instead of in blocks",
    "sections_in_blocks": "the sections were in blocks instead of interleaved",
    "fix_sections": "use --rope-sections {sections}",
    # What should not turn.
    "value_turned": "the value was turned as the key is",
    "output_turned": "the output was turned by the query's position",
    "output_turned_back": "the output was turned back by the query's position",
    "fix_turn_alone": "turn query and key alone",
}
