"""Chinese: the sentences of the lesson about the row in tiles."""

TILES = {
    "tiles_heading": "分块计算 · 从不看完整的一行，结果却一样：FlashAttention 为什么是精确的",
    "tiles_elsewhere": (
        "处理长文本的内核不会像上面这样存下完整的一行。加上 --step tiles，可以看到这一行怎样分块计算：每次只用几个键，结果相同。"
    ),
    "tiles_purpose": (
        "看上去，softmax 必须一次拿到整行：每个 logit 都要减去整行的最大值，每个指数都要除以整行的总和。其实两者都可以边读边更新："
        "把键分成块，一次只处理一块。每个查询只需保存三样东西：m，到目前为止最大的 logit；l，到目前为止 exp(logit − m) 之和；"
        "o，到目前为止 exp(logit − m) · 值 之和，也就是还没有除以 l 的{what}。"
    ),
    "tiles_rescale": (
        "新的一块里可能出现更大的 logit。这时 l 和 o 还是以旧的、偏小的 m 为基准，只要乘一个系数 α 就能同时纠正，"
        "因为不论 s 是多少，都有 exp(s − m) · exp(m − m_new) = exp(s − m_new)。设一块中的 logit 是 sⱼ，值是 vⱼ，每一块做的就是："
    ),
    "tiles_exact": (
        "处理完最后一块，{what}就是 o / l。这里没有任何近似：每个指数起初以当时的 m 为基准，之后乘上的那些系数恰好把它换算成以最终的 m 为基准。"
        "不同的只是相加的次序，因而只有最后几位的舍入会有差别。整行之和的对数 lse 等于 m + ln l。"
    ),
    "tiles_before": (
        "softmax 之前的运算（缩放、softcap、偏置、掩码）都只涉及一个查询和一个键，所以一块只需要自己的那些键。各行之间也互不相干："
        "内核会同时处理一块查询，每个查询各有自己的 m、l 和 o。"
    ),
    "tiles_papers": (
        "边读边更新最大值与总和，出自 Milakov 和 Gimelshein（Online normalizer calculation for softmax，2018）；Rabe 和 Staats"
        "（Self-attention Does Not Need O(n²) Memory，2021）把输出也这样累加；Dao 等人（FlashAttention，2022）把块取得足够小，"
        "使得分始终留在 GPU 的高速内存里。那里保存的是 o / l；像这里一样最后只除一次，是 FlashAttention-2（2023）的做法，两者等价。"
    ),
    "tiles_key": "{count} 个键",
    "tiles_keys": "{count} 个键",
    "tiles_width": (
        "这里的 {keys}分成 {count} 块，每块 {width}（块也从 0 开始编号）。实际的内核每块常取 64 或 128 个键；用 --tile N 可以指定每块 N 个。"
    ),
    "tiles_width_rest": (
        "这里的 {keys}分成 {count} 块，每块 {width}，最后一块 {rest}（块也从 0 开始编号）。实际的内核每块常取 64 或 128 个键；"
        "用 --tile N 可以指定每块 N 个。"
    ),
    "tiles_one": "这里一块就装下了全部 {keys}，也就是普通的 softmax，只是最后才做除法；用 --tile N 可以把块取小一些。",
    "tiles_element": "以{row}、{what}的第 {column} 列为例，完整计算一遍：",
    "tiles_start": "第一块之前：m = −∞，l = 0，o = 0",
    "tiles_start_sink": "第一块之前先计入汇，它的值是 0：m = {m}，l = exp({m} − m) = {l}，o = {o}",
    "the_tile": "第 {tile} 块",
    "the_tiles": "第 {first} 至 {last} 块",
    "tiles_from_to": "{first}至{last}",
    "tiles_tile": "{tiles}（{keys}）：",
    "tiles_closed": "{tiles}（{keys}）：对{row}全部屏蔽，什么都不用做，m、l、o 保持不变。",
    "tiles_likewise": "{tiles}（{keys}）：做法相同，见下表。之后 m = {m}，l = {l}，o = {o}。",
    "tiles_logits": "logit = {logits}",
    "tiles_first": "m = {m}，即其中最大的一个",
    "tiles_rises": (
        "m_new = max({before}, {peak}) = {peak}：最大值变大了，所以已经累加的部分要乘以 α = exp(m − m_new) = "
        "exp({before} − {minus}) = {factor}"
    ),
    "tiles_stays": "m_new = max({before}, {peak}) = {before}：最大值不变，α = exp(0) = 1",
    "tiles_powers": "exp(logit − {m}) = {powers}",
    "tiles_first_one": "{name} = {total}",
    "tiles_first_sum": "{name} = {added} = {total}",
    "tiles_sum_l": "l_new = α·l + Σ exp = {factor}·{before} + {added} = {total}",
    "tiles_sum_o": "o_new = α·o + Σ exp·值 = {factor}·{before} + {added} = {total}",
    "tiles_peak": "最大",
    "table_tiles": (
        "每一块（以键的编号表示）之后：块中最大的 logit、m、α、l，以及 o 和 o / l 的第 {column} 列。"
        "假如后面不再有键，最后一列就是精确的结果"
    ),
    "tiles_at_the_end": "最后一块之后：",
    "tiles_nothing": "l 仍然是 0，因为{row}没有可见的键。0 / 0 会得到 NaN；按约定{what}为 0，lse = −∞。",
    "tiles_quotient": "{what} = o / l = {o} / {l} = {total}",
    "tiles_row": "各列，分块计算：{numbers}",
    "tiles_whole": "各列，整行计算：{numbers}",
    "tiles_same": "两者每一位都相同",
    "tiles_near": "两者最多相差 {apart}；{dtype} 的舍入误差大约可解释 {allowed}",
    "tiles_beyond": (
        "两者不同：其中一个在计算途中超出了 {dtype} 的范围；实际的内核会用更宽的类型累加，或者保存 o / l 而不是 o"
    ),
    "tiles_lse": "lse = m + ln l = {m} + ln {l} = {total}；整行计算：{whole}",
    "tiles_without": (
        "少了这个系数，这一行就错了。处理{tile}时 α 是 {factor}：如果漏乘，前面所有的键都会被算成应有分量的 {times} 倍。"
        "第 {column} 列会变成 {wrong}，而不是 {right}；误差最大的一列相差 {most}。"
    ),
    "tiles_check": (
        "漏乘这个系数的内核，在最大 logit 位于第一个可见块的那些行仍然正确，其余的行才会出错：在 attn check 的报告里，这两种行会同时出现。"
    ),
    "tiles_without_unseen": (
        "处理{tile}时 α 是 {factor}：如果漏乘，前面所有的键都会被算成应有分量的 {times} 倍。不过在这一行里碰巧看不出差别："
        "两种算法混合出来的值一样。"
    ),
    "tiles_no_rise": (
        "这一行最大的 logit 就在第一个可见块里，此后 α 始终是 1。漏乘这个系数的内核在这一行仍然正确，但在最大值出现得更晚的行就会出错。"
    ),
    "tiles_other_row": "在显示出来的各行中，{row}的最大值在各块之间上升得最多：用 --row {index} 可以看到。",
    "tiles_no_rise_sink": (
        "这一行里汇的 logit 最大，所以 α 始终是 1。漏乘这个系数的内核在这一行仍然正确，但只要有一块使最大值变大，就会出错。"
    ),
    "tiles_skipped": (
        "{count} 块中有 {closed} 块对{row}全部屏蔽。如果由规则（因果、窗口、长度）就能知道，内核连这些键和值都不必读取：文本很长时，"
        "因果规则能省去一半的计算。"
    ),
    "tiles_closed_first": (
        "第一块全部屏蔽。不跳过它的内核，处理完之后 m 仍是 −∞，而 exp(−∞ − (−∞)) 是 NaN：在出现可见的键之前，必须把 m 当作 0。"
    ),
    "tiles_memory": (
        "自始至终没有存下的，是得分矩阵，{shape} = {scores} 个数{size}，以及同样大小的权重矩阵。分块计算时，一个查询只需存下一块得分、"
        "m、l 和 o：{sum} = {room} 个数，而不是 {keys} 个；键再多一倍，也还是这么多。"
    ),
    "tiles_memory_few": (
        "自始至终没有存下的，是得分矩阵，{shape} = {scores} 个数{size}，以及同样大小的权重矩阵。分块计算时，一个查询只需存下一块得分、"
        "m、l 和 o：{sum} = {room} 个数。这里只有 {keys}，并没有省下什么；但是不论有多少键，它始终是 {room} 个，"
        "而 {many} 个键的一整行就有 {many} 个数。"
    ),
    "tiles_bytes": "（{size}）",
    "tiles_work": (
        "计算量并没有减少：乘积一样多，还要加上这些系数。省下的是空间；在 GPU 上，还省去了把得分写进又大又慢的显存、再读回来的时间。"
    ),
    "tiles_back": (
        "训练时求梯度还要用到权重。权重并不保存，而是逐块重新计算：exp(logit − lse)。所以要保存 lse，每个查询一个数。"
    ),
    "tiles_after": "之后的运算（门控、W_o）等这一行算完才开始，与分块无关。",
}
