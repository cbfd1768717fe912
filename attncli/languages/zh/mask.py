"""中文：`attn mask` 的说明文字。Chinese: what `attn mask` says."""

MASK = {
    "title": "掩码",
    "queries": "查询",
    "keys": "键",
    "open": "可见",
    "only_one": "仅 {side}",
    "differing": "不同",
    "count": "{queries}×{keys}（查询 × 键），{all} 格中 {open} 格可见",
    "both": "{count}；{legend}",
    "side": "{side}：{file}：{all} 格中 {open} 格可见",
    "reach": "可见的键",
    "reach_differing": "不同的键",
    "none": "无",
    "legend": "{open} 可见，{closed} 已屏蔽",
    "legend_mean": "每个符号代表 {down}×{across} 格，可见的格越多颜色越深；{closed} 全部屏蔽",
    "legend_two": "{open} 两者都可见，{closed} 两者都屏蔽，A 仅 A 可见，B 仅 B 可见",
    "legend_two_mean": "每个符号代表 {down}×{across} 格，不同的格越多颜色越深；{closed} 完全相同",
    "mean": "每格是 {down}×{across} 中可见的比例",
    "mean_differing": "每格是 {down}×{across} 中不同的比例",
    "same": "两个掩码相同：{all} 格中 {open} 格可见",
    "differ": "{all} 格中 {count} 格不同：{a} 格仅 A 可见，{b} 格仅 B 可见",
    "places": "不同之处在 {places}",
    "shapes": "A 是 {a}，B 是 {b}，无法逐格对齐",
    "named": "{name}：{sentence}",
    "by_rule": "{one} 就是 {other}，只是其中的规则 {rule} 有此改动。",
    "unnamed": "没有哪条已知的规则能把其中一个变成另一个。",
    "too_large": "掩码太大，不再查找是哪条规则造成了差别。",
    "difference_inverted": "两者正好相反：一个可见之处，另一个屏蔽。其中一个的真表示屏蔽。",
    "difference_axes-swapped": "{one} 是 {other} 交换轴之后的样子：轴的次序是（{axes}）。",
    "difference_padding-side": "{one} 屏蔽开头的键，{other} 屏蔽末尾的键：像是填充放在了另一侧。",
    "difference_corner": (
        "{other} 的因果规则从左上角开始，{one} 的则在右下角结束：那里第一个查询的位置是 {offset}（--offset end）。"
    ),
    "difference_shifted": "{one} 是 {other} 沿键移动 {keys} 格、沿查询移动 {queries} 格的结果：对角线或位置有偏差。",
    "difference_window-bounds": "{one} 的窗口比 {other} 的窗口向后多看 {left} 个键，向前多看 {right} 个键。",
    "difference_union-outside-window": (
        "{other} 打开的是（因果或同块）且在窗口内，{one} 打开的是（因果且在窗口内）或同块：在块内（这里有 {blocks} 个）窗口不起作用。"
    ),
    "difference_documents-ignored": (
        "{one} 是 {other} 忽略文档边界的结果：在 {other} 中词元分属 {documents} 篇互不可见的文档。"
    ),
}

# `attn help results` 里的说明。
DIFFERENCES = {
    "difference_inverted": "一个可见之处，另一个屏蔽：真的含义相反。",
    "difference_axes-swapped": "查询与键（或别的轴）颠倒了。",
    "difference_padding-side": "一个屏蔽末尾的键，另一个屏蔽开头同样多的键。",
    "difference_corner": "因果规则在一个里从左上角开始，在另一个里到右下角结束。",
    "difference_shifted": "整个掩码，或者因果规则的对角线，偏了几格。",
    "difference_window-bounds": "窗口在一个里比在另一个里看得更远。",
    "difference_union-outside-window": "一个是（因果或同块）且在窗口内，另一个是（因果且在窗口内）或同块。",
    "difference_documents-ignored": "同一行里的几篇文档互相可见。",
}
