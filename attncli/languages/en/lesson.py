"""English: the sentences of the lessons."""

LESSON = {
    "title": "Attention, step by step",
    "intro": (
        "Each query asks a question of every key; the better a key answers, the more of its value goes into the "
        "output. Three steps: score, softmax, weighted sum. Here {queries} {queries_word} {meet_word} {keys} "
        "{keys_word} with {features}{where}, in {dtype}."
    ),
    "query_word": "query",
    "queries_word": "queries",
    "meets_word": "meets",
    "meet_word": "meet",
    "key_word": "key",
    "keys_word": "keys",
    "features": "{query} {word} each",
    "feature_word": "feature",
    "features_word": "features",
    "features_apart": "{query} and {key} features",
    "where": " ({places}, counted from 0)",
    "where_join": ", ",
    "where_batch": "batch item {batch} of {batches}",
    "where_head": "head {head} of {heads}",
    "group": " Query head {head} reads key head {key_head}: each key head serves {group} consecutive query heads.",
    "shapes": "Shapes: {text}",
    "score_heading": "Step 1 · Score: how well does each key answer each query?",
    "score_purpose_dot": (
        "The score of a query and a key is their dot product: multiply feature by feature and add up. It is large "
        "and positive where both point the same way, near 0 where they have nothing to do with each other, negative "
        "where they point apart. Longer vectors give larger scores."
    ),
    "scale_none": "No scale is applied: the scores stay what the score function makes them.",
    "scale_sqrt": (
        "The scale is 1/√d = 1/√{features} = {factor}. The dot product of d independent features of variance 1 has "
        "variance d; dividing by √d brings it back to 1, whatever d is, so that softmax does not saturate."
    ),
    "scale_number": "Every score is multiplied by the scale {factor}{as_sqrt}.",
    "as_sqrt": ", which is 1/√{features}",
    "score_element": "Worked out for {row} and {column}:",
    "product_sum": "query · key = {terms} = {total}",
    "more_terms": "({count} more products, {total} together)",
    "scaled": "score = {scale} × {total} = {score}",
    "score_purpose_cosine": (
        "The score of a query and a key is the cosine of the angle between them: 1 where both point the same way, 0 at a "
        "right angle, −1 where they are opposed. Their lengths do not matter."
    ),
    "score_purpose_general": (
        "The score of a query and a key is q·W_a·k: the learned matrix W_a turns the query into what a key should look like, "
        "and the dot product measures how well this key does."
    ),
    "score_purpose_additive": (
        "The score of a query and a key comes from a small network: both are projected into the same space and added, "
        "bent by tanh to between −1 and 1, and weighed with the learned vector v_a. Query and key need not be of the same "
        "size."
    ),
    "cosine": "cos = {product} / ({query} × {key}) = {total}, the product of the lengths |q| and |k| divided out",
    "projected": "{what} = {numbers}",
    "additive_sum": "v_a · tanh(…) = {terms} = {total}",
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
    "softcapped": "capped = {cap} · tanh({score} / {cap}) = {capped}",
    "softcap_most": (
        "Softcap changes large scores most: that of {key} from {before} to {after}. Scores near 0 stay nearly what they "
        "are."
    ),
    "added": "+ {name}: {before} + {number} = {after}",
    "name_mask": "mask",
    "name_bias": "bias",
    "name_alibi": "ALiBi",
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
    "table_scores": "scores, the element above marked",
    "table_logits": "logits: what softmax sees, −∞ where a query may not look",
    "table_weights": "weights, the element above marked",
    "table_output": "output, the element above marked",
    "notice": "Notice in these numbers",
    "score_best": "{row} scores highest with {best}: {score}.",
    "logit_best": "Of the keys that {row} may look at, {best} has the largest logit: {score}.",
    "score_gap": (
        "The next best is {second} with {score}. Softmax sees only differences: {gap} more means a weight e^{gap} = "
        "{ratio} times as large."
    ),
    "score_gap_tie": "{second} has exactly the same, so the two get the same weight.",
    "closed_count": "{closed} of {keys} keys are closed to {row}; it chooses among {open}.",
    "softmax_heading": "Step 2 · Softmax: from logits to weights",
    "softmax_purpose": (
        "Softmax turns the logits of a row, its scores after masks and biases, into positive weights that sum to 1. The "
        "exponential makes all of them positive and differences into ratios; dividing by the sum makes shares of them. "
        "Each row stands for itself. The row's maximum is subtracted first: it cancels in the quotient, and no "
        "exponential can overflow."
    ),
    "softmax_purpose_sink": (
        "Softmax turns the logits of a row, its scores after masks and biases, into positive weights that, with what a "
        "sink takes, sum to 1. The exponential makes all of them positive and differences into ratios; dividing by the "
        "sum makes shares of them. Each row stands for itself. The largest logit is subtracted first: it cancels in the "
        "quotient, and no exponential can overflow."
    ),
    "softmax_element": "Worked out for {row} and {column}:",
    "softmax_peak": "largest logit of the row: m = {peak}",
    "softmax_numerator": "exp(logit − m) = exp({logit} − {peak}) = {numerator}",
    "softmax_total": "sum of the row's exponentials = {terms} = {total}",
    "more_exponentials": "({count} more, {total} together)",
    "softmax_quotient": "weight = {numerator} / {total} = {weight}",
    "softmax_empty": "{row} may attend to nothing: every logit of its row is −∞. Its weights are 0 by definition.",
    "not_a_number": (
        "The row of {row} holds NaN or ∞, from NaN or ∞ in the input or from products beyond the range of the numbers; "
        "nothing can be said of it."
    ),
    "sink_purpose": (
        "This head has a sink: one more key with the logit {sink} and the value 0. It takes its share of the weight and "
        "gives nothing for it, so that a query which finds nothing need not attend to anything."
    ),
    "softmax_peak_sink": "largest logit of the row, the sink included: m = {peak}",
    "softmax_sink": "and the sink's: exp({sink} − {peak}) = {drain}, together {total}",
    "sink_takes": "The sink takes {sink} of the weight of this row; the keys share the other {rest}.",
    "sink_shrinks": "The weights sum to {rest}, not to 1: the output is that much shorter than an average of the values.",
    "most_weight": "{row} gives most weight to {ranking}.",
    "effective": (
        "Effective number of keys that share the weight of this row: {effective}, of {open} open ones (the "
        "exponential of the entropy: 1 if one key takes all, {open} if all take the same)."
    ),
    "saturated": (
        "Softmax is saturated here: {best} takes {weight}. The output hardly differs from that one value, and the "
        "gradient with respect to its logit, w·(1−w), is {gradient}: such a row learns next to nothing."
    ),
    "not_saturated": (
        "Softmax is not saturated: the largest weight is {weight}, and the gradient with respect to its logit, "
        "w·(1−w), is {gradient} (it is largest, 0.25, at w = 0.5)."
    ),
    "only_key": "There is only one open key, so its weight is 1 whatever its score.",
    "naive_overflow": (
        "Without the maximum subtracted, exp({peak}) would be ∞ in {dtype} (the largest exponent that fits is "
        "{limit}), and ∞/∞ is NaN: the row would be lost."
    ),
    "naive_underflow": (
        "Without the maximum subtracted, every exponential of the row would be 0 in {dtype} (even exp({peak})), and "
        "0/0 is NaN: the row would be lost."
    ),
    "naive_fits": (
        "Without the maximum subtracted the weights would be the same here: exp({peak}) = {exponential} fits "
        "{dtype}, whose largest exponent is {limit}."
    ),
    "naive_fits_not_float32": " In float32 it would not: there the largest exponent is {limit}.",
    "sharpest": (
        "Of the rows shown, {sharp} is the most decided (effective keys: {few}) and {flat} the most evenly "
        "spread ({many})."
    ),
    "sum_heading": "Step 3 · Weighted sum: mix the values",
    "sum_purpose": (
        "Each output row is the average of the value rows, weighted with the row's weights. It always lies between "
        "the values that it mixes: attention moves information about, it does not invent any."
    ),
    "sum_purpose_sink": (
        "Each output row is the sum of the value rows, each times its weight. The weights of a row sum to less than 1, "
        "since the sink has its share and brings no value: the output is an average of the values, made shorter by that "
        "share."
    ),
    "sum_element": "Worked out for {row}, output column {column}:",
    "sum_terms": "Σ weight · value = {terms} = {total}",
    "sum_empty": "{row} may attend to nothing, so its output is 0.",
    "share": "{best} contributes {share} of the weight, the three with most weight together {three}.",
    "is_one": "The output of {row} is exactly the value of {best}.",
    "near_one": "The output of {row} is very nearly the value of {best}: they differ by at most {difference}.",
    "mean_distance": (
        "Had every open key the same weight, the output would be their mean; the worked element would be {mean} "
        "instead of {value}."
    ),
    "masked_values": "The value of a closed key has weight 0 and contributes nothing, not even NaN or ∞.",
    "list_join": ", ",
    "ranked": "{label} ({weight})",
    "the_query": "query {index}",
    "the_key": "key {index}",
    "labelled": "{what} “{label}”",
    "rope_heading": "Before the score · Rotation: positions",
    "rope_element": "Worked out for {row} and {column}:",
    "table_rotated": "rotated: {state}",
    "word_query": "query",
    "word_key": "key",
    "word_value": "value",
    "project_heading": "Before the score · Projection: from hidden states to query, key and value",
    "project_purpose": "Every token comes with one vector x, its hidden state. Matrices that were learned make three vectors of it: the query says what the token looks for, the key what it offers to others, the value what it passes on. All that attention learns is in these matrices.",
    "project_columns": "The {state} is made by {name} ({shape}) from {features} features; the columns {first} to {last} belong to this head.",
    "project_element": "Worked out for feature 0 of the {state} of {which}:",
    "project_terms": "x · W_{letter}[:, {column}] = {terms} = {total}",
    "project_bias": "{before} + b_{letter}[{column}] = {before} + {bias} = {total}",
    "project_past": "key {key} comes from the cache, where it was put after it had been projected",
    "table_projected": "projected: {state}",
    "project_same": "The matrices are the same at every position: two tokens differ only by their x.",
    "project_groups": "There are {heads} query heads, but only {key_heads} for keys and values; so the matrices for these are smaller, and so is a cache of them.",
    "project_count": "Together the three matrices hold {count} numbers.",
    "norm_heading": "Before the score · Norm: queries and keys of one size",
    "norm_purpose": "A dot product grows with the lengths of its vectors, and lengths tend to grow in training until softmax saturates. So each query and each key is brought to one size first; then what counts is where they point, and what the weights make of each feature.",
    "norm_rms": "Each is divided by its root mean square, with ε = {eps} under the root against division by 0.",
    "norm_l2": "Each is divided by its length, with ε = {eps} under the root against division by 0.",
    "norm_layer": "From each its mean is subtracted, and what is left is divided by its standard deviation, with ε = {eps} under the root against division by 0.",
    "norm_weights": "Then feature by feature it is multiplied by {name}, the same for every head.",
    "norm_whole": "{name} covers all heads: they are normalised together, as one long vector, and then multiplied feature by feature.",
    "norm_plus_one": "The factor is 1 + w, so that weights of 0 change nothing.",
    "norm_after_rope": "The norm comes after the rotation here.",
    "norm_element": "Worked out for feature 0 of {which}:",
    "norm_mean": "mean = {mean}",
    "norm_root_rms": "√(mean of squares + ε) = √({size} + {eps}) = {root}",
    "norm_root_l2": "√(sum of squares + ε) = √({size} + {eps}) = {root}",
    "norm_root_layer": "√(variance + ε) = √({size} + {eps}) = {root}",
    "norm_quotient": "{x} / {root} = {total}",
    "norm_product": "{x} / {root} · {weight} = {total}",
    "table_normed": "normalised: {state}",
    "norm_lengths_query": "The queries shown were {least} to {most} long; now they are {now_least} to {now_most}.",
    "norm_lengths_key": "The keys were {least} to {most} long; now they are {now_least} to {now_most}.",
    "table_context": "weighted sums of this head, the element above marked",
    "gate_purpose": "Before it goes on, each weighted sum is multiplied by a number between 0 and 1, σ(gate): the layer can hold back what a head found where it does not help.",
    "gate_purpose_made": "Before it goes on, each weighted sum is multiplied by a number between 0 and 1, σ(gate). The gate is made of the query's own x by the matrix W_g: the token itself decides how much of what a head found it takes.",
    "gate_open": "σ(gate) = 1/(1 + e^−({gate})) = {open}",
    "gate_product": "gated sum = {sum} · {open} = {total}",
    "gate_rest": "The gates let {share} of the sums of this row through.",
    "out_heading": "After the sum · Output: the heads put together",
    "out_purpose": "The sums of all heads are laid side by side and multiplied by W_o: the heads, which have worked apart so far, are mixed into one vector for each token.",
    "out_rows": "W_o ({shape}) has {features} rows for each of the {heads} heads: what a head adds to the output is its own sum times its own rows.",
    "out_element": "Worked out for {row}, output column {column}:",
    "out_terms": "one number from each head, Σ sum · W_o[:, {column}] = {terms} = {total}",
    "out_bias": "{before} + b_o = {before} + {bias} = {total}",
    "more_heads": "({count} more heads, {total} together)",
    "table_out": "output of the layer, the element above marked",
    "out_most": "Head {head} gives most to this row: its part is {length} long, a share of {share} of all heads' lengths.",
    "out_residual": "In a model this output is added to x and goes on; nothing of x itself is lost.",
    "project_fused_blocks": "w_qkv holds the three matrices side by side, [q | k | v].",
    "project_fused_heads": "w_qkv holds for each key head the columns of its queries, then those of the key, then those of the value.",
    "scaled_by_query": "this query has a factor of its own: {scale} × {total} = {score}",
}
