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
