"""The mistakes that generators read off an output: what was read in place of what, left out, or counted twice."""

from attncli.check.mistakes.mistake import Registry

GENERAL = Registry()

HEADS_MIXED = GENERAL.declare(
    "heads-mixed",
    "A head is computed with the query, key or value of another head, or its output stands in another's place.",
    "Look at the index with which each head is read and written.",
)
ITEMS_MIXED = GENERAL.declare(
    "items-mixed",
    "A batch item is computed with the query, key or value of another item, or its output stands in another's place.",
    "Look at the index with which each batch item is read, in caches above all, and written.",
)

KEYS_LOST = GENERAL.declare(
    "keys-lost",
    "Some keys are left out of the sums: the newest one, a tile, a split, a page.",
    "Let the loop over keys run over all of them, and each split end where the next begins.",
)
KEYS_DOUBLED = GENERAL.declare(
    "keys-doubled",
    "Some keys are counted twice.",
    "Let each split begin where the one before ends.",
)
KEYS_OPENED = GENERAL.declare(
    "keys-opened",
    "Some keys are seen although they are closed: behind a length, a window, the end of a tile or of a page.",
    "Close them before softmax.",
)
KEYS_STALE = GENERAL.declare(
    "keys-stale",
    "Some keys or values are those of another position, or 0: a slot of the cache that was not written, or misread.",
    "Write each key and value before it is read, in the slot of its position.",
)
PAGES = GENERAL.declare(
    "pages",
    "Pages of the cache are read by another table, or another number of their slots is.",
    "Look up page block_table[item, j // page size] for keys and values alike, and close the slots behind the length.",
)
ACCUMULATOR = GENERAL.declare(
    "accumulator",
    "Running sums over tiles of keys are not rescaled when a larger logit comes, or are overwritten.",
    "Multiply the running sum and output by exp(m_old − m_new) before a tile is added.",
)
PARTS_MERGED = GENERAL.declare(
    "parts-merged",
    "Parts of the keys are put together with other weights than their sums of exponentials.",
    "Weigh each part by exp(its log-sum-exp − that of all), in the same base.",
)
FUNCTION = GENERAL.declare(
    "softmax-replaced",
    "Another function stands in place of softmax: applied twice, not normalised, a sigmoid, the largest keys alone.",
    "Take softmax along the keys: exp(logits − their maximum), divided by its sum.",
)
ROWS_MIXED = GENERAL.declare(
    "rows-mixed",
    "Rows of the output stand in the place of others: shifted, reversed, or one of them repeated.",
    "Look at the index with which each row of the output is written.",
)
COLUMNS_MIXED = GENERAL.declare(
    "columns-mixed",
    "Columns of the output stand in the place of others.",
    "Look at the index with which the features of the output are written.",
)
NOT_WRITTEN = GENERAL.declare(
    "not-written",
    "Rows of the output hold one number throughout, such as 0 or NaN: nothing was written there, or no key was open.",
    "Look whether these rows are written at all, and whether every key is closed to them.",
)
RULES_MIXED = GENERAL.declare(
    "rules-mixed",
    "A mask, a bias or the lengths are those of another batch item or head, or lie a key or a query off.",
    "Look at the index with which they are read: each batch item and head has its own.",
)
BORDERS = GENERAL.declare(
    "borders",
    "Documents, a prefix or chunks begin or end elsewhere, or are taken for another rule.",
    "Look at the first and last key of each, and whether its bounds count.",
)
VALUES_CHANGED = GENERAL.declare(
    "values-changed",
    "The weights are right, but the values are not: with a constant added, those of other keys, or other numbers.",
    "Look at what happens to the values between their projection and the weighted sum.",
)
ROPE_SCALING = GENERAL.declare(
    "rope-scaling",
    "The frequencies of rotary embedding are not scaled as the model asks for, or are scaled unasked.",
    "Scale frequencies, not positions, by the type and the parameters of the model's configuration (--rope-scaling).",
)
ROPE_FREQUENCIES = GENERAL.declare(
    "rope-frequencies",
    "Rotary embedding has other frequencies: in another order, of other exponents, rounded, or 0 for some pairs.",
    "Let pair i of D/2 turn by base^(−2i/D) radians a position, computed in float32.",
)
ROPE_DIM = GENERAL.declare(
    "rope-dim",
    "Another part of the features is rotated than should be, or by the frequencies of another number of features.",
    "Rotate as many features as the model does, with the frequencies of so many (--rope-dim).",
)
ROPE_SECTIONS = GENERAL.declare(
    "rope-sections",
    "Of several positions (time, height, width) others rotate a pair of features than should.",
    "Use the sections of the model's configuration (--rope-sections).",
)
ROPE_TABLE = GENERAL.declare(
    "rope-table",
    "The tables of cosines and sines are read a row off or swapped, or they or the positions are rounded.",
    "Turn (a, b) to (a·cos − b·sin, a·sin + b·cos), with tables of float32.",
)
ROPE_VALUE = GENERAL.declare(
    "rope-value",
    "The value or the output is rotated, as only query and key should be.",
    "Rotate query and key alone.",
)
POSITIONS = GENERAL.declare(
    "positions",
    "Positions begin anew, go on, stop or are those of other tokens where they should not.",
    "Give each query and key the position of its token: in its document, its batch item, behind its cache.",
)

QK_NORM = GENERAL.declare(
    "qk-norm",
    "Query and key are normalised otherwise than they should be: not at all, after the rotation, without the weights.",
    "Normalise them as the model does: which norm, before or after the rotation, with which weights (--qk-norm).",
)
GATE = GENERAL.declare(
    "gate",
    "The output gate is left out, multiplied without its sigmoid or twice, or is that of another head or feature.",
    "Multiply each weighted sum by σ(gate), once, before the output projection.",
)
PROJECTION = GENERAL.declare(
    "projection",
    "The output projection is left out: the output is the context, the sums of all heads side by side.",
    "Multiply the sums of all heads by w_o, or compare with the context.",
)
PROJECTION_BIAS = GENERAL.declare(
    "projection-bias",
    "The bias of a projection (query, key, value or output) is left out, added twice, or added elsewhere.",
    "Add b_q, b_k, b_v and b_o once each, to what their matrices make.",
)
PROJECTION_TRANSPOSED = GENERAL.declare(
    "projection-transposed",
    "The matrix of a projection is transposed: (out, in) is read as (in, out), or the other way round.",
    "Say how the matrices lie (--weights): in-out for x·W, out-in for PyTorch's nn.Linear.",
)
RESIDUAL = GENERAL.declare(
    "residual",
    "The input of the layer, the query or the value is added to the output.",
    "Compare with the output of the attention, before anything is added to it.",
)
QUERY_SCALE = GENERAL.declare(
    "query-scale",
    "The factor that each query or head has of its own, a temperature, is left out or another one's, or added unasked.",
    "Multiply the scores of each query by its own factor (query_scale), beside the scale.",
)
FEATURES = GENERAL.declare(
    "features-moved",
    "Features of query and key do not meet their own: a part is left out, stands elsewhere or is another head's.",
    "Let query and key have the same features in the same order, all of them.",
)
ROUNDED_BETWEEN = GENERAL.declare(
    "rounding",
    "Numbers on the way are kept in fewer bits: scores, weights, exponentials, or a sum while it runs over the keys.",
    "Keep scores and weights in float16 or more, and sums over keys in float32.",
)
WEIGHTS_FLUSHED = GENERAL.declare(
    "weights-flushed",
    "Weights below some threshold count as 0.",
    "Keep small weights, or lower the threshold: many of them together are not small.",
)
