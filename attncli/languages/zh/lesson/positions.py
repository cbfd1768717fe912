"""Chinese: where queries and keys stand: rotation, its scalings, and ALiBi."""

POSITIONS = {
    "rope_heading": "打分之前 · 旋转：加入位置",
    "rope_element": "以{row}和{column}为例：",
    "table_rotated": "旋转后的{state}",
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
}
