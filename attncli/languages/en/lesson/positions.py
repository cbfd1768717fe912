"""English: where queries and keys stand: rotation, its scalings, and ALiBi."""

POSITIONS = {
    "rope_heading": "Before the score · Rotation: positions",
    "rope_element": "Worked out for {row} and {column}:",
    "table_rotated": "rotated: {state}",
    "rope_purpose": (
        "Query and key are first rotated by their positions (rotary embedding): features in pairs, at position p pair i by "
        "p·{theta}^(−2i/d) radians. Rotating both by the same angle changes no dot product, so the score comes to depend "
        "on how far apart the two are, not on where they stand."
    ),
    "rope_angles": (
        "pair {pair}: the query at position {query} is turned by {query_angle} rad ({query_degrees}°), the key at "
        "position {key} by {key_angle} rad ({key_degrees}°); what counts is the distance, {query} − {key} = {distance}"
    ),
    "rope_last": "last pair: only {angle} rad between the two",
    "rope_pair": "query features {first} and {second}: ({a}, {b}) become ({x}, {y})",
    "rope_pair_key": "key features {first} and {second}: ({a}, {b}) become ({x}, {y})",
    "rope_times": "{text}, the factor {attention} included",
    "rope_tables": (
        "Query and key are first rotated by their positions (rotary embedding): features in pairs, each by an angle whose "
        "cosine and sine stand in the tables cos and sin."
    ),
    "rope_table_query": "pair {pair}, query, row {row} of the tables: cos = {cos}, sin = {sin}",
    "rope_table_key": "pair {pair}, key, row {row} of the tables: cos = {cos}, sin = {sin}",
    "rope_part": "Only the {place} {count} of {features} features are turned; the others tell nothing of positions.",
    "rope_first_features": "first",
    "rope_last_features": "last",
    "rope_sections": (
        "Each token has three positions, as in a video: time, row and column. {a} pairs turn by the first, {b} by the "
        "second, {c} by the third, {how}."
    ),
    "rope_blocks": "one block after the other",
    "rope_interleaved": "taking turns",
    "rope_linear": (
        "Scaling (linear): every frequency is divided by {factor}, as if positions stood closer together. A text {factor} "
        "times as long then turns no further than those that the model learned from."
    ),
    "rope_dynamic": (
        "Scaling (dynamic): the positions reach to {length}, beyond the {most} that the model learned from, so the base "
        "grows to {base}. The fast pairs hardly notice; the slow ones turn no further than they did."
    ),
    "rope_dynamic_within": (
        "Scaling (dynamic): the positions reach to {length}, within the {most} that the model learned from, so nothing is "
        "scaled."
    ),
    "rope_yarn": (
        "Scaling (YaRN): the model learned from {original} positions. Pairs that turn often within so many stay as they "
        "are, frequencies of those that turn seldom are divided by {factor}, and those between are blended; cosine and "
        "sine are multiplied by {attention}."
    ),
    "rope_longrope_long": (
        "Scaling (LongRoPE): each frequency is divided by a factor of its own. The positions reach to {length}, beyond "
        "{original}: the long factors. Cosine and sine are multiplied by {attention}."
    ),
    "rope_longrope_short": (
        "Scaling (LongRoPE): each frequency is divided by a factor of its own. The positions reach to {length}, within "
        "{original}: the short factors. Cosine and sine are multiplied by {attention}."
    ),
    "rope_llama3": (
        "Scaling (Llama 3): pairs that come round within {short} positions stay as they are, frequencies of those that need "
        "more than {long} are divided by {factor}, and those between are blended."
    ),
    "rope_proportional": (
        "Scaling (proportional): the first {turned} of {pairs} pairs turn, their frequencies divided by {factor}; the "
        "others stand still, and tell nothing of positions."
    ),
    "rope_default": "Scaling (default): the frequencies are those of the base.",
    "rope_past": "key {key} comes from the cache, where it was put after it had been turned",
    "alibi_purpose": (
        "ALiBi adds −slope·|p − j| to the score of a query at position p and a key at position j, be the key behind or "
        "ahead. The slope of this head is {slope}; other heads have other slopes, so that some look near and others far."
    ),
    "alibi": "ALiBi = −slope·|p − j| = −{slope}·|{query} − {key}| = {number}",
    "position_given": "query {row} stands at position {position}, key {column} at {key}, as the arrays say",
    "position_offset": (
        "query {row} stands at position {first} + {row} = {position}, since the first query is at {first} (--offset)"
    ),
    "position_end": (
        "query {row} stands at position {first} + {row} = {position}, since the first query is at keys − queries = {keys} − "
        "{queries} = {first} (--offset end)"
    ),
    "position_lengths": (
        "query {row} stands at position {first} + {row} = {position}, since the {queries} queries are the last of {length} "
        "keys, and the first is at {length} − {queries} = {first}"
    ),
    "position_past": (
        "query {row} stands at position {first} + {row} = {position}, since {first} keys in the cache come before the first "
        "query"
    ),
}
