"""中文：把一个选项的几个取值并排比较时的说明文字。Chinese: what is said where several values of an option stand side by side."""

VARY = {
    "changes": "有哪些变化",
    "effective_keys": "有效键数",
    "largest_weight": "最大权重",
    "output_change": "输出的变化",
    "legend": (
        "有效键数和最大权重：对看得到键的查询取平均{which}；输出的变化：与 {first} 相比，变化最大的那个数变了多少"
    ),
    "legend_weights": "对看得到键的查询取平均{which}",
    "of_heads": "，共 {count} 个头",
    "of_head": "，只算 {count} 个头中的头 {head}",
    "of_items": "，共 {count} 个批次项",
    "of_item": "，只算 {count} 个批次项中的第 {item} 项",
    "other_shape": "{other} 的输出形状是 {shape}，{first} 的是 {before}：无法比较输出的变化",
    # 讲解
    "title": "{option} 的影响：{values}",
    "intro": (
        "这里只有 {option} 不同，共 {count} 个取值；得分矩阵是 {queries}×{keys} 的，行是查询，列是键{where}。细看的是{query}。"
    ),
    "row_weights": "它的权重，{option} 的每个取值一行",
    "row_logits": "它的 logit，softmax 由此得到权重",
    "each": "各个取值下",
    "row_facts": (
        "{value}：logit 从 {low} 到 {high}；{key}的权重最大，为 {weight}；{count} 个可见的键中，实际上有 {effective} 个分享权重。"
    ),
    "row_one": "{value}：只有{key}可见，权重为 {weight}。",
    "row_not_a_number": "{value}：这一行含有 NaN 或 ∞，或者乘积超出了数值范围，因此无从解读。",
    "row_nothing": "{value}：没有可见的键，权重和输出都是 0。",
    "row_key": "{value}：{key}的 logit 是 {logit}，权重是 {weight}。",
    "changed": "与 {first} 相比，变化在哪里",
    "same": "{value}：这个查询的权重没有变化。",
    "more": "{value}：权重分散到更多的键上，有效键数由 {before} 变为 {after}。",
    "fewer": "{value}：权重集中到更少的键上，有效键数由 {before} 变为 {after}。",
    "as_many": "{value}：权重变了，但有效键数没有变。",
    "wider": (
        "{value}：logit 拉开了，最大与最小之差由 {before} 变为 {after}。softmax 把差变成倍数，所以最大的权重变得更大。"
    ),
    "narrower": (
        "{value}：logit 靠拢了，最大与最小之差由 {before} 变为 {after}。softmax 把差变成倍数，所以权重变得更均匀。"
    ),
    "closed": "{value}：原来可见、现在被屏蔽的键有 {count} 个。",
    "opened": "{value}：原来被屏蔽、现在可见的键有 {count} 个。",
    "top": "{value}：权重最大的是{after}，不再是{before}。",
    "all": "所有查询",
    "all_measured": "对所有查询的统计",
    "all_changed": ("{value}：输出变化最大处在{query}的第 {feature} 维，变了 {size}：由 {before} 变为 {after}。"),
    "all_output": "与 {first} 相比，输出有什么变化",
    "all_same": "{value}：输出没有变化。",
}
