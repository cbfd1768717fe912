"""Chinese: the three steps: score, with its scale and softcap, softmax and weighted sum."""

STEPS = {
    "pages_purpose": "键和值分页存放，每页 {size} 个键，批次各项共用同一些页；block_table 依次列出每一项用到的页。这只说明数放在哪里，计算并无不同。",
    "pages_key": "{key}是第 {page} 页的第 {at} 个，block_table 的第 {place} 项指向这一页（都从 0 开始数）",
    "score_heading": "第一步 · 打分：每个键与每个查询有多匹配？",
    "score_purpose_dot": (
        "查询与键的得分是两个向量的点积：逐维相乘，再求和。两个向量方向一致时，得分是较大的正数；互不相关时，接近 0；"
        "方向相反时，为负。向量越长，得分的绝对值也越大。"
    ),
    "scale_none": "这里不做缩放，得分保持原样。",
    "scale_sqrt": (
        "缩放因子是 1/√d = 1/√{features} = {factor}。如果 d 个分量相互独立，方差都是 1，点积的方差就是 d；除以 √d，"
        "方差便回到 1，与维数无关，softmax 也就不容易饱和。"
    ),
    "scale_number": "每个得分都要乘以缩放因子 {factor}{as_sqrt}。",
    "as_sqrt": "，也就是 1/√{features}",
    "score_element": "以{row}和{column}为例，完整计算一遍：",
    "product_sum": "查询 · 键 = {terms} = {total}",
    "more_terms": "（其余 {count} 项乘积合计 {total}）",
    "scaled": "得分 = {scale} × {total} = {score}",
    "scaled_by_query": "这个查询另有自己的系数：{scale} × {total} = {score}",
    "score_purpose_cosine": (
        "查询与键的得分是两个向量夹角的余弦：方向一致为 1，垂直为 0，相反为 −1，与向量的长短无关。"
    ),
    "score_purpose_general": (
        "查询与键的得分是 q·W_a·k：学到的矩阵 W_a 先把查询变换成“理想的键”，再用点积衡量实际的键与它有多接近。"
    ),
    "score_purpose_additive": (
        "查询与键的得分由一个小网络给出：两者先投影到同一个空间再相加，经 tanh 压缩到 −1 与 1 之间，最后用学到的向量 v_a 加权求和。"
        "查询和键的维数可以不同。"
    ),
    "cosine": "cos = {product} / ({query} × {key}) = {total}，即除以两个向量的长度 |q| 和 |k|",
    "projected": "{what} = {numbers}",
    "additive_sum": "v_a · tanh(…) = {terms} = {total}",
    "softcapped": "softcap 之后 = {cap} · tanh({score} / {cap}) = {capped}",
    "softcap_most": "softcap 对绝对值大的得分影响最大：{key}由 {before} 变为 {after}；接近 0 的得分几乎不变。",
    "table_scores": "得分，上面计算的那一个已标出",
    "table_weights": "权重，上面计算的那一个已标出",
    "table_output": "输出，上面计算的那一个已标出",
    "score_best": "{row}与{best}的得分最高：{score}。",
    "logit_best": "在{row}可见的键中，{best}的 logit 最大：{score}。",
    "score_gap": "其次是{second}，为 {score}。softmax 只看差值：高出 {gap}，权重就是它的 e^{gap} = {ratio} 倍。",
    "score_gap_tie": "{second}与它并列，所以两者权重相等。",
    "closed_count": "{keys} 个键中有 {closed} 个对{row}屏蔽，可见的有 {open} 个。",
    "softmax_heading": "第二步 · softmax：把 logit 变成权重",
    "softmax_purpose": (
        "softmax 把一行 logit（得分加上掩码和偏置之后的数）变成一组正的权重，总和为 1。取指数让每一项都为正，并把“差”变成“比”；"
        "再除以总和，就得到各自的份额。各行独立计算。计算时先减去这一行的最大值：它在分子和分母中约去，结果不变，指数却不会溢出。"
    ),
    "softmax_purpose_sink": (
        "softmax 把一行 logit（得分加上掩码和偏置之后的数）变成一组正的权重，连同汇（sink）分走的那一份，总和为 1。取指数让每一项"
        "都为正，并把“差”变成“比”；再除以总和，就得到各自的份额。各行独立计算。计算时先减去其中最大的一项：它在分子和分母中约去，"
        "结果不变，指数却不会溢出。"
    ),
    "softmax_element": "以{row}和{column}为例，完整计算一遍：",
    "softmax_peak": "这一行最大的 logit：m = {peak}",
    "softmax_numerator": "exp(logit − m) = exp({logit} − {peak}) = {numerator}",
    "softmax_total": "这一行的指数之和 = {terms} = {total}",
    "more_exponentials": "（其余 {count} 项合计 {total}）",
    "softmax_quotient": "权重 = {numerator} / {total} = {weight}",
    "softmax_empty": "{row}没有可见的键：这一行的 logit 全是 −∞，按约定权重全为 0。",
    "not_a_number": "{row}这一行含有 NaN 或 ∞：要么输入里就有，要么乘积超出了数值范围，因此无从解读。",
    "sink_purpose": (
        "这个头有一个汇（attention sink）：相当于多出一个键，logit 为 {sink}，值为 0。它照样分走一份权重，却不贡献任何内容，"
        "这样没有找到匹配的查询就不必硬去关注某个键。"
    ),
    "softmax_peak_sink": "这一行最大的 logit（连同汇）：m = {peak}",
    "softmax_sink": "再加上汇的一项：exp({sink} − {peak}) = {drain}，合计 {total}",
    "sink_takes": "汇占去这一行权重的 {sink}，各个键分享其余的 {rest}。",
    "sink_shrinks": "权重之和是 {rest}，不是 1：输出相当于值的加权平均再乘以 {rest}。",
    "most_weight": "{row}最关注{ranking}。",
    "effective": (
        "这一行的权重相当于由 {effective} 个键平分（可见的键有 {open} 个）。这个数是熵的指数 exp(H)：权重集中在一个键上时为 1，"
        "均匀分布时为 {open}。"
    ),
    "saturated": (
        "softmax 在这里已经饱和：{best}的权重高达 {weight}，输出几乎就是它的值。权重对这个 logit 的梯度 w·(1−w) 只有 {gradient}，"
        "这样的行在训练中几乎学不到东西。"
    ),
    "not_saturated": (
        "softmax 没有饱和：最大的权重是 {weight}，它对自己的 logit 的梯度 w·(1−w) 为 {gradient}（w = 0.5 时最大，为 0.25）。"
    ),
    "only_key": "可见的键只有一个，所以不论得分多少，它的权重都是 1。",
    "naive_overflow": (
        "如果不先减去最大值，exp({peak}) 在 {dtype} 中会溢出为 ∞（指数最大只能到 {limit}），而 ∞/∞ 是 NaN，整行作废。"
    ),
    "naive_underflow": (
        "如果不先减去最大值，这一行的指数在 {dtype} 中会全部下溢为 0（连 exp({peak}) 也不例外），而 0/0 是 NaN，整行作废。"
    ),
    "naive_fits": (
        "这里即使不减去最大值，权重也一样：exp({peak}) = {exponential} 在 {dtype} 的范围之内（指数最大可到 {limit}）。"
    ),
    "naive_fits_not_float32": "换成 float32 就不行了：指数最大只能到 {limit}。",
    "sharpest": "在显示出来的各行中，{sharp}的权重最集中（相当于 {few} 个键），{flat}的最分散（相当于 {many} 个键）。",
    "word_output": "输出",
    "word_context": "加权和",
    "sum_heading": "第三步 · 加权求和：把值混合起来",
    "sum_purpose": (
        "{what}的每一行都是各个值向量的加权平均，权重就是上一步得到的那一行。结果总落在被混合的那些值之间：注意力只搬运信息，"
        "不会凭空产生信息。"
    ),
    "sum_purpose_sink": (
        "{what}的每一行都是各个值向量乘以各自的权重再相加。一行的权重之和小于 1，因为汇分走了一份，却不带来任何值：{what}是值的加权平均"
        "再按比例缩短。"
    ),
    "sum_element": "以{row}、{what}的第 {column} 列为例，完整计算一遍：",
    "sum_terms": "Σ 权重 · 值 = {terms} = {total}",
    "sum_empty": "{row}没有可见的键，所以它的{what}为 0。",
    "share": "{best}占全部权重的 {share}，权重最大的三个键合计 {three}。",
    "is_one": "{row}的{what}恰好就是{best}的值。",
    "near_one": "{row}的{what}几乎就是{best}的值，两者最多相差 {difference}。",
    "mean_distance": "如果所有可见的键权重相同，{what}就是各个值的平均，上面计算的那个数会是 {mean}，而不是 {value}。",
    "masked_values": "被屏蔽的键权重为 0，它的值不起任何作用，哪怕其中有 NaN 或 ∞。",
}
