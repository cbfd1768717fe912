"""English: wrong positions, and rotations of states that come rotated; and what to change."""

STANDING = {
    # Positions.
    "positions_rounded": "the positions were rounded to {kind}",
    "positions_ignored": "the positions given were not used: tokens were counted 0, 1, 2, …",
    "positions_counted_on": "the positions were counted on from one batch item to the next",
    "positions_of_item_0": "the positions of batch item 0 were used for all items",
    "positions_of_next": "the positions of the next batch item were used",
    "positions_of_before": "the positions of the batch item before were used",
    "positions_for_queries": "{what}, for queries only",
    "positions_for_keys": "{what}, for keys only",
    "positions_anew_in_documents": "the positions began anew in each document",
    "positions_begin_anew": (
        "the positions began anew from 0 at every multiple of {border} (position modulo {border})"
    ),
    "positions_stay": "the positions stayed what they were from position {border}",
    "positions_behind": "the positions were counted anew, from 0, behind position {border}",
    "queries_as_first": "all queries were turned by the position of the first of them",
    "queries_as_last": "all queries were turned by the position of the last of them",
    "past_by_the_query": "past keys were turned once more, by the position of the first query",
    "key_of_cache_twice": "key {key} of the cache was turned twice",
    "fix_own_position": "turn each query and key by its own position",
    "fix_own_query_position": "turn each query by its own position",
    "fix_cache_turned": "a cache holds keys that were turned already: turn none of them again",
    "fix_positions_go_on": "let positions, and tables of cosines and sines, go on to the last token",
    "fix_positions_documents": ("count positions on through all documents, or say where they begin (positions)"),
    # Queries that were turned on.
    "query_steps": "the query was rotated {how} than its position",
    "of_known": "{what} ({known})",
    "query_other_steps": "the query was rotated by other positions than its own: {how}",
    "query_other_steps_known": "the query was rotated by other positions than its own ({known}): {how}",
    "item_steps": "batch item {item} {how}",
    "and_so_on": "{what}, …",
    "step_farther": "{count} position farther",
    "steps_farther": "{count} positions farther",
    "step_less_far": "{count} position less far",
    "steps_less_far": "{count} positions less far",
    "fix_query_own_position": (
        "rotate each query by its own position: count padding, caches and documents alike for queries and keys"
    ),
    # States that the file holds rotated.
    "known_rotation": "{pairing} pairs, base {base}",
    "held_backwards": "query and key were turned the other way round",
    "held_query_back": "the query was turned the other way round",
    "held_key_back": "the key was turned the other way round",
    "rope_part_last": "only the last {count} features were rotated",
    "held_divided": "the frequencies were divided by {by} (linear scaling)",
    "held_not_divided": "linear scaling of the frequencies, by {by}, was left out",
    "held_anew": "the positions began anew from 0 at every multiple of {border}",
    "if_held": "{what}, if the file holds states rotated by {known}",
    "fix_as_held": "rotate query and key as the file has them ({known})",
}
