"""Chinese: the sentences of the lessons."""

LESSON = {
    "title": "一步一步看注意力",
    "intro": (
        "每个查询（query）都向所有的键（key）提问，哪个键答得越好，它的值（value）在输出里占的份量就越大。整个过程分三步："
        "打分、softmax、加权求和。这里有 {queries} 个{queries_word}、{keys} 个{keys_word}{meet_word}，{features}"
        "{where}，以 {dtype} 计算。"
    ),
    "features": "每个向量 {query} 维",
    "features_apart": "查询 {query} 维，键 {key} 维",
    "query_word": "查询",
    "queries_word": "查询",
    "meets_word": "",
    "meet_word": "",
    "key_word": "键",
    "keys_word": "键",
    "where": "（{places}，从 0 数起）",
    "where_batch": "批中第 {batch} 项，共 {batches} 项",
    "where_head": "第 {head} 头，共 {heads} 头",
    "group": "第 {head} 个查询头使用第 {key_head} 个键头：每个键头供相邻的 {group} 个查询头共用。",
    "shapes": "形状：{text}",
    "score_heading": "第一步 · 打分：每个键与每个查询有多合拍？",
    "score_purpose_dot": (
        "一个查询与一个键的得分就是两者的点积：逐维相乘，再全部相加。两个向量方向一致，得分就是大的正数；互不相干，得分接近 0；"
        "方向相反，得分为负。向量越长，得分的绝对值也越大。"
    ),
    "scale_none": "这里不做缩放，得分保持原样。",
    "scale_sqrt": (
        "缩放因子是 1/√d = 1/√{features} = {factor}。如果 d 个分量相互独立、方差为 1，点积的方差就是 d；除以 √d，"
        "方差便回到 1，与维数无关，softmax 也就不容易饱和。"
    ),
    "scale_number": "每个得分都要乘上缩放因子 {factor}{as_sqrt}。",
    "as_sqrt": "，也就是 1/√{features}",
    "score_element": "以{row}和{column}为例，完整算一遍：",
    "product_sum": "查询 · 键 = {terms} = {total}",
    "more_terms": "（其余 {count} 项乘积合计 {total}）",
    "scaled": "得分 = {scale} × {total} = {score}",
    "score_purpose_cosine": (
        "一个查询与一个键的得分，是两个向量夹角的余弦：方向一致为 1，垂直为 0，相反为 −1。向量的长短不起作用。"
    ),
    "score_purpose_general": (
        "一个查询与一个键的得分是 q·W·k：学到的矩阵 W 先把查询变成“理想的键”的样子，再用点积衡量眼前这个键有多接近它。"
    ),
    "score_purpose_additive": (
        "一个查询与一个键的得分出自一个小网络：两者先投影到同一空间并相加，经 tanh 压到 −1 与 1 之间，再用学到的向量 v 加权求和。"
        "查询和键的维数可以不同。"
    ),
    "cosine": "cos = {product} / ({query} × {key}) = {total}，即除以两个向量的长度 |q| 和 |k|",
    "projected": "{what} = {numbers}",
    "additive_sum": "v · tanh(…) = {terms} = {total}",
    "rope_purpose": (
        "查询和键先按各自的位置旋转（旋转位置编码）：各维两两配对，第 i 对转过 位置 · {theta}^(−2i/d) 弧度。两个向量转过相同的角度，"
        "点积不变，所以得分只与两者相隔多远有关，与各自身在何处无关。"
    ),
    "rope_angles": (
        "第一对：位置 {query} 上的查询转过 {query_angle} 弧度（{query_degrees}°），位置 {key} 上的键转过 {key_angle} 弧度"
        "（{key_degrees}°）；起作用的是两者的距离 {distance}"
    ),
    "rope_last": "最后一对：两者之间只差 {angle} 弧度",
    "rope_pair": "查询的第 {first} 维和第 {second} 维：({a}, {b}) 变为 ({x}, {y})",
    "rope_past": "键 {key} 来自缓存，存入之前就已经旋转过了",
    "alibi_purpose": "ALiBi：键每落后查询一个位置，就扣去 {slope}。各个头的斜率不同，所以有的头看得近，有的头看得远。",
    "alibi": "ALiBi = −斜率 · (p − j) = −{slope} · ({query} − {key}) = {number}",
    "softcapped": "压缩后 = {cap} · tanh({score} / {cap}) = {capped}",
    "softcap_most": "softcap 对大的得分影响最大：{key}的得分由 {before} 变为 {after}；接近 0 的得分几乎不变。",
    "added": "加上{name}：{before} + {number} = {after}",
    "name_mask": "掩码",
    "name_bias": "偏置",
    "name_alibi": " ALiBi",
    "closed_causal": "被因果规则挡住：查询位于位置 {position}，不能看到后面的键 {key}。",
    "closed_window": "被窗口挡住：位置 {position} 上的查询只看得到键 {first} 到键 {last}，看不到键 {key}。",
    "closed_length": "被键的个数挡住：这一项只有 {length} 个键，键 {key} 是填充。",
    "closed_mask": "被掩码挡住。",
    "closed_bias": "被偏置挡住：偏置在这里是 −∞。",
    "closed": "无论得分多少，logit 一律为 −∞。",
    "table_scores": "得分，上面算的那一个已标出",
    "table_logits": "logits：softmax 真正看到的数，不许看的位置为 −∞",
    "table_weights": "权重，上面算的那一个已标出",
    "table_output": "输出，上面算的那一个已标出",
    "notice": "从这些数里能看出什么",
    "score_best": "{row}与{best}的得分最高：{score}。",
    "logit_best": "在{row}看得到的键里，{best}的 logit 最大：{score}。",
    "score_gap": "其次是{second}，为 {score}。softmax 只看差值：高出 {gap}，权重就是对方的 e^{gap} = {ratio} 倍。",
    "score_gap_tie": "{second}与它完全相同，所以两者权重相等。",
    "closed_count": "{keys} 个键里有 {closed} 个对{row}关闭，它只能在其余 {open} 个中选择。",
    "softmax_heading": "第二步 · Softmax：把得分变成份额",
    "softmax_purpose": (
        "softmax 把一行 logit 变成一组正的权重，总和为 1。取指数让每一项都为正，并把“差”变成“比”；再除以总和，就成了份额。"
        "各行互不影响。计算时先减去这一行的最大值：它在分子分母里约掉，结果不变，而指数再也不会溢出。"
    ),
    "softmax_purpose_sink": (
        "softmax 把一行 logit 变成一组正的权重；连同汇（sink）分走的那一份，总和为 1。取指数让每一项都为正，并把“差”变成“比”；"
        "再除以总和，就成了份额。各行互不影响。计算时先减去其中最大的一项：它在分子分母里约掉，结果不变，而指数再也不会溢出。"
    ),
    "softmax_element": "以{row}和{column}为例，完整算一遍：",
    "softmax_peak": "这一行最大的 logit：m = {peak}",
    "softmax_numerator": "exp(logit − m) = exp({logit} − {peak}) = {numerator}",
    "softmax_total": "这一行的指数之和 = {terms} = {total}",
    "more_exponentials": "（其余 {count} 项合计 {total}）",
    "softmax_quotient": "权重 = {numerator} / {total} = {weight}",
    "softmax_empty": "{row}什么都不许看：这一行的 logit 全是 −∞，按约定权重全部为 0。",
    "not_a_number": "{row}这一行里有 NaN 或 ∞：要么输入里就有，要么乘积超出了数的范围，因此无从解读。",
    "sink_purpose": (
        "这个头有一个“汇”（sink）：相当于多出一个键，logit 为 {sink}，值为 0。它照样分走一份权重，却不贡献任何内容，"
        "这样查询什么也没找到时，就不必硬去关注谁。"
    ),
    "softmax_peak_sink": "这一行最大的 logit（连同 sink）：m = {peak}",
    "softmax_sink": "再加上 sink 的一项：exp({sink} − {peak}) = {drain}，合计 {total}",
    "sink_takes": "sink 占去这一行权重的 {sink}，各个键分享其余的 {rest}。",
    "sink_shrinks": "权重之和是 {rest}，不是 1：输出比各个值的平均要短这么多。",
    "most_weight": "{row}最关注的依次是：{ranking}。",
    "effective": (
        "这一行的权重实际上相当于由 {effective} 个键平分（可看的键有 {open} 个）。这个数是熵的指数：一个键独占时为 1，"
        "所有键均分时为 {open}。"
    ),
    "saturated": (
        "softmax 在这里已经饱和：{best}独占 {weight}。输出几乎就是这一个值；对其 logit 的梯度 w·(1−w) 只有 {gradient}，"
        "这样的行在训练中几乎学不到东西。"
    ),
    "not_saturated": (
        "softmax 没有饱和：最大的权重是 {weight}，对其 logit 的梯度 w·(1−w) 为 {gradient}（w = 0.5 时最大，为 0.25）。"
    ),
    "only_key": "只有一个键可看，所以不管得分多少，它的权重都是 1。",
    "naive_overflow": (
        "如果不先减去最大值，exp({peak}) 在 {dtype} 中会变成 ∞（能表示的最大指数是 {limit}），而 ∞/∞ 是 NaN，整行就毁了。"
    ),
    "naive_underflow": (
        "如果不先减去最大值，这一行的指数在 {dtype} 中会全部变成 0（连 exp({peak}) 也不例外），而 0/0 是 NaN，整行就毁了。"
    ),
    "naive_fits": (
        "这里即使不减最大值，权重也一样：exp({peak}) = {exponential}，{dtype} 还放得下（最大指数是 {limit}）。"
    ),
    "naive_fits_not_float32": "换成 float32 就不行了：它的最大指数只有 {limit}。",
    "sharpest": "在显示出来的各行中，{sharp}最果断（相当于 {few} 个键），{flat}最分散（相当于 {many} 个键）。",
    "sum_heading": "第三步 · 加权求和：把值混合起来",
    "sum_purpose": (
        "输出的每一行，都是各个值向量按这一行权重取的加权平均。它总落在被混合的那些值之间：注意力只搬运信息，不会凭空创造信息。"
    ),
    "sum_purpose_sink": (
        "输出的每一行，都是各个值向量乘以各自的权重再相加。一行的权重总和不到 1，因为汇分走了一份，却不带来任何值：输出是这些值的"
        "加权平均，再按这一份缩短。"
    ),
    "sum_element": "以{row}、输出的第 {column} 列为例，完整算一遍：",
    "sum_terms": "Σ 权重 · 值 = {terms} = {total}",
    "sum_empty": "{row}什么都不许看，所以它的输出为 0。",
    "share": "{best}占全部权重的 {share}，前三个键合计 {three}。",
    "is_one": "{row}的输出恰好就是{best}的值。",
    "near_one": "{row}的输出几乎就是{best}的值，两者最多相差 {difference}。",
    "mean_distance": "假如所有可看的键权重相同，输出就是它们的平均：上面算的那个数会是 {mean}，而不是 {value}。",
    "masked_values": "被关闭的键权重为 0，它的值不起任何作用，哪怕其中有 NaN 或 ∞。",
    "list_join": "、",
    "ranked": "{label}（{weight}）",
    "the_query": "查询 {index}",
    "the_key": "键 {index}",
    "labelled": "{what}“{label}”",
}
