"""English: the sentences of the lesson about the row in tiles."""

TILES = {
    "tiles_heading": "In tiles · The same row, never seen whole: why FlashAttention is exact",
    "tiles_elsewhere": (
        "Kernels for long texts never hold a whole row, as these steps do. With --step tiles this row is worked out a few "
        "keys at a time, and ends at the same numbers."
    ),
    "tiles_purpose": (
        "Softmax seems to need the whole row at once: its largest logit is taken off all others, and each exponential is "
        "divided by the sum of all. But both can be kept up to date while the keys come a few at a time, in tiles. Three "
        "things are kept for a query: m, the largest logit so far; l, the sum of exp(logit − m) so far; and o, the sum of "
        "exp(logit − m) · value so far, which is the {what} before it is divided by l."
    ),
    "tiles_rescale": (
        "A tile may bring a larger logit than all before it. Then l and o were measured against an m that is too small, "
        "and one factor, α, puts both right, because exp(s − m) · exp(m − m_new) = exp(s − m_new) whatever s is. So each "
        "tile, with its logits sⱼ and values vⱼ, does this:"
    ),
    "tiles_exact": (
        "After the last tile the {what} is o / l. Nothing was approximated: each exponential was taken against the m "
        "of its time, and the factors since then have brought it to the last m, exactly. Only the order of the additions "
        "is another, and with it the rounding of the last digits. lse, the logarithm of the row's sum, is m + ln l."
    ),
    "tiles_before": (
        "All that comes before softmax (scale, softcap, bias, masks) concerns one query and one key at a time, so a tile "
        "needs nothing for it but its own keys. Rows do not need each other either: a kernel takes a tile of queries at "
        "once, each with an m, l and o of its own."
    ),
    "tiles_papers": (
        "The running maximum and sum are from Milakov and Gimelshein (Online normalizer calculation for softmax, 2018). "
        "Rabe and Staats (Self-attention Does Not Need O(n²) Memory, 2021) take the output along. Dao et al. "
        "(FlashAttention, 2022) make the tiles so small that scores never leave the fast memory of the GPU. There o / l is "
        "kept; o divided once, at the end, as here, is FlashAttention-2 (2023). The two are the same."
    ),
    "tiles_key": "{count} key",
    "tiles_keys": "{count} keys",
    "tiles_width": (
        "Here {keys} are cut into {count} tiles of {width}; tiles are counted from 0. Kernels often take 64 or 128 keys; "
        "--tile N takes N."
    ),
    "tiles_width_rest": (
        "Here {keys} are cut into {count} tiles of {width}, the last of {rest}; tiles are counted from 0. Kernels often take "
        "64 or 128 keys; --tile N takes N."
    ),
    "tiles_one": (
        "Here one tile has all keys ({keys}), so this is the ordinary softmax, divided at the end; --tile N makes smaller "
        "ones."
    ),
    "tiles_element": "Worked out for {row}, {what} column {column}:",
    "tiles_start": "before the first tile: m = −∞, l = 0, o = 0",
    "tiles_start_sink": (
        "before the first tile the sink is taken in, whose value is 0: m = {m}, l = exp({m} − m) = {l}, o = {o}"
    ),
    "the_tile": "tile {tile}",
    "the_tiles": "tiles {first} to {last}",
    "tiles_from_to": "{first} to {last}",
    "tiles_tile": "{tiles}, {keys}:",
    "tiles_closed": ("{tiles}, {keys}: wholly closed to {row}, so nothing is to be done; m, l and o stay as they are."),
    "tiles_likewise": "{tiles}, {keys}: likewise, see the table below. Then m = {m}, l = {l}, o = {o}.",
    "tiles_logits": "logits = {logits}",
    "tiles_first": "m = {m}, the largest of them",
    "tiles_rises": (
        "m_new = max({before}, {peak}) = {peak}: the maximum rises, so what was summed is rescaled with α = exp(m − m_new) = "
        "exp({before} − {minus}) = {factor}"
    ),
    "tiles_stays": "m_new = max({before}, {peak}) = {before}: the maximum stays, α = exp(0) = 1",
    "tiles_powers": "exp(logits − {m}) = {powers}",
    "tiles_first_one": "{name} = {total}",
    "tiles_first_sum": "{name} = {added} = {total}",
    "tiles_sum_l": "l_new = α·l + Σ exp = {factor}·{before} + {added} = {total}",
    "tiles_sum_o": "o_new = α·o + Σ exp·value = {factor}·{before} + {added} = {total}",
    "tiles_peak": "largest",
    "table_tiles": (
        "after each tile, named by its keys: its largest logit, m, α, l, and column {column} of o and of o / l. The last column "
        "would be the exact result if there were no further keys"
    ),
    "tiles_at_the_end": "After the last tile:",
    "tiles_nothing": (
        "l is still 0, since {row} may attend to nothing. 0 / 0 would be NaN; by definition the {what} is 0, and lse = −∞."
    ),
    "tiles_quotient": "{what} = o / l = {o} / {l} = {total}",
    "tiles_row": "all columns, in tiles: {numbers}",
    "tiles_whole": "all columns, whole row: {numbers}",
    "tiles_same": "the two are equal in every digit",
    "tiles_near": "they differ by at most {apart}; rounding in {dtype} explains about {allowed}",
    "tiles_beyond": (
        "they are not the same: a sum left the range of {dtype} on the way, in one of the two; kernels sum in a wider type, "
        "or keep o / l instead of o"
    ),
    "tiles_lse": "lse = m + ln l = {m} + ln {l} = {total}; of the whole row: {whole}",
    "tiles_without": (
        "Without the factor this row would be wrong. At {tile} α is {factor}: left out, all earlier keys would count "
        "{times} times what they should. Column {column} would be {wrong} instead of {right}, and the worst column off by {most}."
    ),
    "tiles_check": (
        "A kernel that forgets it is right in every row whose largest logit is in the first tile that counts, and wrong in others: in "
        "the report of attn check such rows stand side by side."
    ),
    "tiles_without_unseen": (
        "At {tile} α is {factor}: left out, all earlier keys would count {times} times what they should. In this row "
        "that happens to make no difference that shows: either way the same values are mixed."
    ),
    "tiles_no_rise": (
        "In this row the largest logit is in the first open tile, so α is 1 from there on. A kernel that forgets it would "
        "still be right here, and wrong in a row whose largest logit comes later."
    ),
    "tiles_other_row": "Of the rows shown, {row} has the maximum that rises most from tile to tile: --row {index} shows it.",
    "tiles_no_rise_sink": (
        "In this row the sink has the largest logit of all, so α is always 1. A kernel that forgets it would still be right "
        "here, and wrong in a row in which a tile raises the maximum."
    ),
    "tiles_skipped": (
        "Wholly closed to {row}: {closed} of {count} tiles. Where that follows from a rule (causal, a window, lengths), a "
        "kernel reads neither their keys nor their values. In a long text a causal rule saves half of the work."
    ),
    "tiles_closed_first": (
        "The first tile is wholly closed. A kernel that does not skip it has m = −∞ after it, and exp(−∞ − (−∞)) is NaN: it "
        "has to take 0 for m as long as nothing is open."
    ),
    "tiles_memory": (
        "What is never held: the scores, {shape} = {scores} numbers{size}, and as many weights. In tiles a query needs room "
        "for one tile of scores, m, l and o: {sum} = {room} numbers instead of {keys}, and no more with "
        "twice as many keys."
    ),
    "tiles_memory_few": (
        "What is never held: the scores, {shape} = {scores} numbers{size}, and as many weights. In tiles a query needs room "
        "for one tile of scores, m, l and o: {sum} = {room} numbers. With {keys} that is no gain, "
        "but it stays {room} however many keys there are, where the whole row of {many} keys has {many}."
    ),
    "tiles_bytes": " ({size})",
    "tiles_work": (
        "It is not less work: the products are the same, and the factors come on top. What is saved is the room, and on a "
        "GPU the time to write scores to its large, slow memory and to read them back."
    ),
    "tiles_back": (
        "Training needs the weights once more, for the gradients. They are not kept but made again, tile by tile, as "
        "exp(logit − lse): that is why lse is kept, one number for each query."
    ),
    "tiles_after": "What comes after (a gate, W_o) takes the row when it is finished; it knows nothing of tiles.",
}
