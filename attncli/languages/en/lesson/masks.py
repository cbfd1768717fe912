"""English: which keys rules and masks open, and what is added to scores."""

MASKS = {
    "added": "+ {name}: {before} + {number} = {after}",
    "name_mask": "mask",
    "name_bias": "bias",
    "name_alibi": "ALiBi",
    "causal_open": "Causal rule: a query at position p sees the keys 0 to p, here {seen}. Key {key} is among them: open.",
    "causal_closed": "Causal rule: a query at position p sees the keys 0 to p, here {seen}. Key {key} is not among them: closed.",
    "causal_ahead": "Causal rule: a query at position p sees the keys 0 to p, here {seen}. Key {key} is not among them.",
    "prefix_open": "Prefix: the keys before {prefix} are open to all queries. {key} < {prefix}: open.",
    "prefix_closed": "Prefix: the keys before {prefix} are open to all queries. {key} ≥ {prefix}: it opens nothing here.",
    "blocks_open": (
        "Blocks: tokens of the same block see each other, whatever the causal rule says. The query is in {query}, and so is "
        "the key, in {key}: open."
    ),
    "blocks_closed": (
        "Blocks: tokens of the same block see each other, whatever the causal rule says. The query is in {query}, the key "
        "in {key}: it stays closed."
    ),
    "one_block": "block {block}",
    "no_block": "no block",
    "segments_open": (
        "Documents: a query sees only keys of its own document. The query is in document {query}, the key in document "
        "{key}: open."
    ),
    "segments_closed": (
        "Documents: a query sees only keys of its own document. The query is in document {query}, the key in document "
        "{key}: closed."
    ),
    "chunk_open": (
        "Chunks: positions are cut into chunks of {size}, and a query sees only keys of its own chunk. That of the query "
        "begins at {query}, that of the key at {key}: open."
    ),
    "chunk_closed": (
        "Chunks: positions are cut into chunks of {size}, and a query sees only keys of its own chunk. That of the query "
        "begins at {query}, that of the key at {key}: closed."
    ),
    "chunk_of_document_open": (
        "Chunks: each document is cut into chunks of {size}, from its first key on, and a query sees only keys of its own "
        "chunk. That of the query begins at {query}, that of the key at {key}: open."
    ),
    "chunk_of_document_closed": (
        "Chunks: each document is cut into chunks of {size}, from its first key on, and a query sees only keys of its own "
        "chunk. That of the query begins at {query}, that of the key at {key}: closed."
    ),
    "indices_open": "Indices: a query sees only the keys that are named for it, here {named}. Key {key} is among them: open.",
    "indices_closed": (
        "Indices: a query sees only the keys that are named for it, here {named}. Key {key} is not among them: closed."
    ),
    "no_key_named": "none",
    "drawing": "what rules open: ■ open, · closed; a row per query, a column per key",
    "rule_causal": "causal",
    "rule_window": "window",
    "rule_length": "key lengths",
    "rule_segments": "documents",
    "rule_chunk": "chunks",
    "rule_indices": "indices",
    "rule_mask": "mask",
    "rule_bias": "bias",
    "rule_all": "all together",
    "window_open": (
        "Window: a query at position p sees the keys {left} to {right}, here {seen}. Key {key} is among them: open."
    ),
    "window_closed": (
        "Window: a query at position p sees the keys {left} to {right}, here {seen}. Key {key} is not among them: closed."
    ),
    "window_first": "0",
    "window_last": "the last",
    "keys_seen": "{first} to {last}",
    "no_key_seen": "none",
    "length_open": (
        "Key lengths: this batch item has {length} keys, and all after them is padding. {key} < {length}: open."
    ),
    "length_closed": (
        "Key lengths: this batch item has {length} keys, and all after them is padding. {key} ≥ {length}: closed."
    ),
    "mask_open": "Mask: true where a query may attend. Here it is true: open.",
    "mask_closed": "Mask: true where a query may attend. Here it is false: closed.",
    "mask_short": "Mask: it covers the first {count} keys and closes those beyond. {key} ≥ {count}: closed.",
    "numbers_open": "The {name} holds numbers to be added, and −∞ closes. Here it is {number}: open.",
    "numbers_closed": "The {name} holds numbers to be added, and −∞ closes. Here it is {number}: closed.",
    "closed": "A key that one rule closes has the logit −∞, whatever its score.",
    "table_logits": "logits: what softmax sees, −∞ where a query may not look",
}
