"""Chinese: the sentences of the lessons."""

LESSON = {
    "title": "逐步看懂注意力",
    "intro": (
        "注意力让每个查询（query）与所有的键（key）逐一比对，哪个键越匹配，它的值（value）在输出中的分量就越大。计算分三步："
        "打分、softmax、加权求和。这里有 {queries} 个{queries_word}、{keys} 个{keys_word}{meet_word}，{features}"
        "{where}，用 {dtype} 计算。"
    ),
    "features": "每个向量 {query} {word}",
    "feature_word": "维",
    "features_word": "维",
    "features_apart": "查询 {query} 维，键 {key} 维",
    "query_word": "查询",
    "queries_word": "查询",
    "meets_word": "",
    "meet_word": "",
    "key_word": "键",
    "keys_word": "键",
    "where": "（{places}；编号从 0 开始）",
    "where_join": "；",
    "where_batch": "批次共 {batches} 项，这是第 {batch} 项",
    "where_head": "共 {heads} 个头，这是第 {head} 个",
    "group": "查询头 {head} 使用键头 {key_head}：每个键头由相邻的 {group} 个查询头共用。",
    "shapes": "形状：{text}",
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
    "rope_purpose": (
        "查询和键先按各自的位置旋转（旋转位置编码，RoPE）：各维两两配对，位置 p 上的第 i 对转过 p·{theta}^(−2i/d) 弧度。"
        "两个向量转过同样的角度时，点积不变，所以得分只取决于两者相距多远，与各自的绝对位置无关。"
    ),
    "rope_angles": (
        "第 {pair} 对：位置 {query} 的查询转过 {query_angle} 弧度（{query_degrees}°），位置 {key} 的键转过 {key_angle} 弧度"
        "（{key_degrees}°）；起作用的是相对位置 {query} − {key} = {distance}"
    ),
    "rope_last": "最后一对：两者只差 {angle} 弧度",
    "rope_pair": "查询的第 {first} 维和第 {second} 维：({a}, {b}) 变为 ({x}, {y})",
    "rope_pair_key": "键的第 {first} 维和第 {second} 维：({a}, {b}) 变为 ({x}, {y})",
    "rope_times": "{text}（已乘上系数 {attention}）",
    "rope_tables": "查询和键先按各自的位置旋转（旋转位置编码，RoPE）：各维两两配对，转角的余弦和正弦直接取自 cos、sin 两张表。",
    "rope_table_query": "第 {pair} 对，查询，表的第 {row} 行：cos = {cos}，sin = {sin}",
    "rope_table_key": "第 {pair} 对，键，表的第 {row} 行：cos = {cos}，sin = {sin}",
    "rope_part": "{features} 维中只旋转{place} {count} 维，其余各维不带位置信息。",
    "rope_first_features": "前",
    "rope_last_features": "后",
    "rope_sections": (
        "每个 token 有三个位置，像视频那样：时间、行、列。各对中有 {a} 对按第一个位置转，{b} 对按第二个，{c} 对按第三个，{how}。"
    ),
    "rope_blocks": "依次分段排列",
    "rope_interleaved": "交错排列",
    "rope_linear": (
        "频率缩放（linear）：所有频率都除以 {factor}，相当于把位置压得更密。文本长到原来的 {factor} 倍，"
        "转角也不会超出训练时见过的范围。"
    ),
    "rope_dynamic": (
        "频率缩放（dynamic）：位置延伸到 {length}，超过训练时的 {most}，于是底数增大到 {base}。转得快的各对几乎不受影响，"
        "转得慢的各对也不会转得比训练时更远。"
    ),
    "rope_dynamic_within": "频率缩放（dynamic）：位置延伸到 {length}，没有超过训练时的 {most}，所以不缩放。",
    "rope_yarn": (
        "频率缩放（YaRN）：模型训练时有 {original} 个位置。在这个范围内转了很多圈的各对保持不变，转得很少的各对频率除以 {factor}，"
        "介于两者之间的按比例混合；余弦和正弦再乘以 {attention}。"
    ),
    "rope_longrope_long": (
        "频率缩放（LongRoPE）：每一对的频率各除以自己的系数。位置延伸到 {length}，超过 {original}，用长文本系数。"
        "余弦和正弦再乘以 {attention}。"
    ),
    "rope_longrope_short": (
        "频率缩放（LongRoPE）：每一对的频率各除以自己的系数。位置延伸到 {length}，没有超过 {original}，用短文本系数。"
        "余弦和正弦再乘以 {attention}。"
    ),
    "rope_llama3": (
        "频率缩放（Llama 3）：不到 {short} 个位置就转完一圈的各对保持不变，要 {long} 个以上才转完一圈的各对频率除以 {factor}，"
        "介于两者之间的按比例混合。"
    ),
    "rope_proportional": (
        "频率缩放（proportional）：{pairs} 对中只有前 {turned} 对转动，频率除以 {factor}；其余各对不动，不带位置信息。"
    ),
    "rope_default": "频率缩放（default）：频率就由底数决定，不另行缩放。",
    "rope_past": "键 {key} 来自缓存，存入之前就已经旋转过了",
    "alibi_purpose": (
        "ALiBi 按距离扣分：位置 p 的查询与位置 j 的键，得分加上 −m·|p − j|，键在前在后都一样。这个头的斜率 m 是 {slope}；"
        "各个头的斜率不同，所以有的头看得近，有的头看得远。"
    ),
    "alibi": "ALiBi = −m·|p − j| = −{slope}·|{query} − {key}| = {number}",
    "softcapped": "softcap 之后 = {cap} · tanh({score} / {cap}) = {capped}",
    "softcap_most": "softcap 对绝对值大的得分影响最大：{key}由 {before} 变为 {after}；接近 0 的得分几乎不变。",
    "added": "加上{name}：{before} + {number} = {after}",
    "name_mask": "掩码",
    "name_bias": "偏置",
    "name_alibi": " ALiBi",
    "position_given": "查询 {row} 的位置是 {position}，键 {column} 的位置是 {key}，由给出的位置数组决定",
    "position_offset": "查询 {row} 的位置是 {first} + {row} = {position}：第一个查询位于 {first}（--offset）",
    "position_end": (
        "查询 {row} 的位置是 {first} + {row} = {position}：第一个查询位于“键数 − 查询数”，即 {keys} − {queries} = {first}"
        "（--offset end）"
    ),
    "position_lengths": (
        "查询 {row} 的位置是 {first} + {row} = {position}：这 {queries} 个查询对应 {length} 个键中的最后几个，"
        "所以第一个位于 {length} − {queries} = {first}"
    ),
    "position_past": "查询 {row} 的位置是 {first} + {row} = {position}：第一个查询接在缓存里的 {first} 个键之后",
    "causal_open": "因果掩码：位置 p 的查询能看到的键从 0 到 p，这里是{seen}。键 {key} 在其中，可见。",
    "causal_closed": "因果掩码：位置 p 的查询能看到的键从 0 到 p，这里是{seen}。键 {key} 不在其中，屏蔽。",
    "causal_ahead": "因果掩码：位置 p 的查询能看到的键从 0 到 p，这里是{seen}。键 {key} 不在其中。",
    "prefix_open": "前缀：位置 {prefix} 之前的键对所有查询可见。{key} < {prefix}，可见。",
    "prefix_closed": "前缀：位置 {prefix} 之前的键对所有查询可见。{key} ≥ {prefix}，这里不起作用。",
    "blocks_open": "块：同一块的词元互相可见，不受因果掩码限制。查询属于{query}，键属于{key}，可见。",
    "blocks_closed": "块：同一块的词元互相可见，不受因果掩码限制。查询属于{query}，键属于{key}，仍然屏蔽。",
    "one_block": "第 {block} 块",
    "no_block": "“无块”",
    "segments_open": "文档：查询只能看到同一文档里的键。查询在文档 {query} 中，键在文档 {key} 中，可见。",
    "segments_closed": "文档：查询只能看到同一文档里的键。查询在文档 {query} 中，键在文档 {key} 中，屏蔽。",
    "chunk_open": "分段：每 {size} 个位置为一段，查询只能看到同一段里的键。查询所在的段从 {query} 开始，键所在的段从 {key} 开始，可见。",
    "chunk_closed": "分段：每 {size} 个位置为一段，查询只能看到同一段里的键。查询所在的段从 {query} 开始，键所在的段从 {key} 开始，屏蔽。",
    "chunk_of_document_open": (
        "分段：每个文档从第一个键起，每 {size} 个位置为一段，查询只能看到同一段里的键。查询所在的段从 {query} 开始，"
        "键所在的段从 {key} 开始，可见。"
    ),
    "chunk_of_document_closed": (
        "分段：每个文档从第一个键起，每 {size} 个位置为一段，查询只能看到同一段里的键。查询所在的段从 {query} 开始，"
        "键所在的段从 {key} 开始，屏蔽。"
    ),
    "indices_open": "索引：查询只能看到为它列出的键，这里是 {named}。键 {key} 在其中，可见。",
    "indices_closed": "索引：查询只能看到为它列出的键，这里是 {named}。键 {key} 不在其中，屏蔽。",
    "no_key_named": "（一个也没有）",
    "drawing": "各条规则下哪些键可见：■ 可见，· 屏蔽；每行一个查询，每列一个键",
    "rule_causal": "因果掩码",
    "rule_window": "窗口",
    "rule_length": "有效长度",
    "rule_segments": "文档",
    "rule_chunk": "分段",
    "rule_indices": "索引",
    "rule_mask": "掩码",
    "rule_bias": "偏置",
    "rule_all": "合起来",
    "window_open": "窗口：位置 p 的查询能看到的键从 {left} 到 {right}，这里是{seen}。键 {key} 在其中，可见。",
    "window_closed": "窗口：位置 p 的查询能看到的键从 {left} 到 {right}，这里是{seen}。键 {key} 不在其中，屏蔽。",
    "window_first": "0",
    "window_last": "最后一个",
    "keys_seen": " {first} 到 {last}",
    "no_key_seen": "一个也没有",
    "length_open": "有效长度：这一项有 {length} 个键，后面都是填充。{key} < {length}，可见。",
    "length_closed": "有效长度：这一项有 {length} 个键，后面都是填充。{key} ≥ {length}，屏蔽。",
    "mask_open": "掩码：true 表示可见。这里是 true，可见。",
    "mask_closed": "掩码：true 表示可见。这里是 false，屏蔽。",
    "mask_short": "掩码：只覆盖前 {count} 个键，之后的一律屏蔽。{key} ≥ {count}，屏蔽。",
    "numbers_open": "{name}是加到得分上的数，−∞ 表示屏蔽。这里是 {number}，可见。",
    "numbers_closed": "{name}是加到得分上的数，−∞ 表示屏蔽。这里是 {number}，屏蔽。",
    "closed": "只要有一条规则屏蔽，logit 就是 −∞，与得分无关。",
    "table_scores": "得分，上面计算的那一个已标出",
    "table_logits": "logit：softmax 的输入，被屏蔽处为 −∞",
    "table_weights": "权重，上面计算的那一个已标出",
    "table_output": "输出，上面计算的那一个已标出",
    "notice": "从这些数中能看出什么",
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
    "sum_heading": "第三步 · 加权求和：把值混合起来",
    "sum_purpose": (
        "输出的每一行都是各个值向量的加权平均，权重就是上一步得到的那一行。结果总落在被混合的那些值之间：注意力只搬运信息，"
        "不会凭空产生信息。"
    ),
    "sum_purpose_sink": (
        "输出的每一行都是各个值向量乘以各自的权重再相加。一行的权重之和小于 1，因为汇分走了一份，却不带来任何值：输出是值的加权平均"
        "再按比例缩短。"
    ),
    "sum_element": "以{row}、输出的第 {column} 列为例，完整计算一遍：",
    "sum_terms": "Σ 权重 · 值 = {terms} = {total}",
    "sum_empty": "{row}没有可见的键，所以它的输出为 0。",
    "share": "{best}占全部权重的 {share}，权重最大的三个键合计 {three}。",
    "is_one": "{row}的输出恰好就是{best}的值。",
    "near_one": "{row}的输出几乎就是{best}的值，两者最多相差 {difference}。",
    "mean_distance": "如果所有可见的键权重相同，输出就是各个值的平均，上面计算的那个数会是 {mean}，而不是 {value}。",
    "masked_values": "被屏蔽的键权重为 0，它的值不起任何作用，哪怕其中有 NaN 或 ∞。",
    "list_join": "、",
    "ranked": "{label}（{weight}）",
    "the_query": "查询 {index}",
    "the_key": "键 {index}",
    "labelled": "{what}“{label}”",
    "rope_heading": "打分之前 · 旋转：加入位置",
    "rope_element": "以{row}和{column}为例：",
    "table_rotated": "旋转后的{state}",
    "word_query": "查询",
    "word_key": "键",
    "word_value": "值",
    "project_heading": "打分之前 · 投影：由隐藏状态得到查询、键和值",
    "project_purpose": "每个词元带着一个向量 x，即它的隐藏状态。学到的矩阵由它生成三个向量：查询表示这个词元在找什么，键表示它能提供什么，值是它要传出去的内容。注意力所学到的全部内容都在这些矩阵里。",
    "project_columns": "{state}由 {name}（{shape}）从 {features} 维的 x 生成；第 {first} 到 {last} 列属于这个头。",
    "project_element": "以{which}的{state}的第 0 维为例：",
    "project_terms": "x · W_{letter}[:, {column}] = {terms} = {total}",
    "project_bias": "{before} + b_{letter}[{column}] = {before} + {bias} = {total}",
    "project_past": "键 {key} 来自缓存，存入之前就已经投影过了",
    "table_projected": "投影得到的{state}",
    "project_same": "每个位置用的都是同样的矩阵：两个词元的差别只在各自的 x。",
    "project_groups": "查询有 {heads} 个头，键和值只有 {key_heads} 个；因此它们的矩阵更小，缓存也更小。",
    "project_count": "三个矩阵一共有 {count} 个数。",
    "norm_heading": "打分之前 · 归一化：让查询和键大小一致",
    "norm_purpose": "点积随向量的长度增大，而训练中向量往往越来越长，直到 softmax 饱和。因此先把每个查询和每个键归一化；这样起作用的只有方向，以及各维的权重。",
    "norm_rms": "每个向量除以自己的均方根；根号里加上 ε = {eps}，以免除以 0。",
    "norm_l2": "每个向量除以自己的长度；根号里加上 ε = {eps}，以免除以 0。",
    "norm_layer": "每个向量先减去自己的均值，再除以标准差；根号里加上 ε = {eps}，以免除以 0。",
    "norm_weights": "然后逐维乘以 {name}，各个头用的是同一组权重。",
    "norm_whole": "{name} 覆盖所有的头：各头拼成一个长向量一起归一化，再逐维相乘。",
    "norm_plus_one": "所乘的是 1 + w，所以权重为 0 时不起作用。",
    "norm_after_rope": "这里先旋转，再归一化。",
    "norm_element": "以{which}的第 0 维为例：",
    "norm_mean": "均值 = {mean}",
    "norm_root_rms": "√(平方的均值 + ε) = √({size} + {eps}) = {root}",
    "norm_root_l2": "√(平方和 + ε) = √({size} + {eps}) = {root}",
    "norm_root_layer": "√(方差 + ε) = √({size} + {eps}) = {root}",
    "norm_quotient": "{x} / {root} = {total}",
    "norm_product": "{x} / {root} · {weight} = {total}",
    "table_normed": "归一化后的{state}",
    "norm_lengths_query": "所示的查询原来的长度在 {least} 到 {most} 之间，现在在 {now_least} 到 {now_most} 之间。",
    "norm_lengths_key": "键原来的长度在 {least} 到 {most} 之间，现在在 {now_least} 到 {now_most} 之间。",
    "table_context": "这个头的加权和，上面计算的那一个已标出",
    "gate_purpose": "加权和在继续之前先乘以一个 0 到 1 之间的数 σ(gate)：一个头找到的内容若没有用处，这一层可以把它挡住。",
    "gate_purpose_made": "加权和在继续之前先乘以一个 0 到 1 之间的数 σ(gate)。门控值由查询自己的 x 经矩阵 W_g 得到：每个头找到的内容要取多少，由词元自己决定。",
    "gate_open": "σ(门控值) = 1/(1 + e^−({gate})) = {open}",
    "gate_product": "门控后的加权和 = {sum} · {open} = {total}",
    "gate_rest": "这一行的加权和中，有 {share} 通过了门控。",
    "out_heading": "求和之后 · 输出：把各个头合在一起",
    "out_purpose": "各个头的加权和并排拼接，再乘以 W_o：此前各自独立的头，在这里混合成每个词元的一个向量。",
    "out_rows": "W_o（{shape}）为 {heads} 个头各备了 {features} 行：一个头对输出的贡献，就是它的加权和乘以属于它的那几行。",
    "out_element": "以{row}的输出第 {column} 列为例：",
    "out_terms": "每个头贡献一个数，Σ 加权和 · W_o[:, {column}] = {terms} = {total}",
    "out_bias": "{before} + b_o = {before} + {bias} = {total}",
    "more_heads": "（其余 {count} 个头合计 {total}）",
    "table_out": "这一层的输出，上面计算的那一个已标出",
    "out_most": "头 {head} 对这一行的贡献最大：它那一份的长度是 {length}，占各头长度之和的 {share}。",
    "out_residual": "在模型里，这个输出会加到 x 上再往后传，x 本身的信息不会丢失。",
    "project_fused_blocks": "w_qkv 把三个矩阵并排放在一起：[q | k | v]。",
    "project_fused_heads": "w_qkv 按键的头排列：每个头依次是它的查询、键和值的列。",
    "scaled_by_query": "这个查询另有自己的系数：{scale} × {total} = {score}",
}
