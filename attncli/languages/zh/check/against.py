"""中文：`attn check --against` 对两份转储的说明。Chinese: what `attn check --against` says of two dumps."""

AGAINST = {
    "dumps_same": "{mine} 对照 {theirs}：{count} 对在舍入误差之内相同",
    "dumps_differ": "{mine} 对照 {theirs}：{count} 对中 {wrong} 对不同，最先是{name}的 {array}",
    "dumps_the_problem": "该问题",
    "dumps_both_names": "{mine} ~ {theirs}",
    # 表格，以及表格之下的说明。
    "dumps_problem": "问题",
    "dumps_theirs": "另一份转储中",
    "dumps_shape": "形状",
    "dumps_legend": "{equal} 相同，{rounding} 舍入之差，{differs} 不同（附最大差），{absent} 两边不都有",
    "dumps_said_of_some": "{what}（{names}）",
    "dumps_by_order": "两边的名称没有相像的：已按次序配对；可用 --map 指定",
    "dumps_aligned_labels": "比较了标签相同的 {count} 个词元",
    "dumps_aligned_left_padding": "有一边在左侧填充：比较了末尾的 {count} 个词元",
    "dumps_aligned_right_padding": "有一边在右侧填充：比较了开头的 {count} 个词元",
    "dumps_padding_left_out": "另一份转储中没有查询能看见的词元是填充，没有比较",
    "dumps_note_layout": "{name} 在这边的布局不同：{layout}",
    "dumps_note_heads_repeated": "{name} 在一边把每个键头重复了 {count} 次",
    "dumps_note_pairs": "{name} 在这边每个头的特征次序不同（{order}），像是为另一种旋转配对转换过的检查点",
    "dumps_read_as": "这份转储的布局就是 {flags} 所说的，虽然它自己没有说明",
    "dumps_only_mine": "只在这边有，没有比较：{names}",
    "dumps_only_theirs": "只在另一份转储中有，没有比较：{names}",
    "dumps_both_left": "如果两边的层号起点不同，请用 --map 指定哪个对应哪个",
    "dumps_option_differs": "选项 {option} 在这边是 {mine}，在那边是 {theirs}",
    # 最先的不同。
    "first_array": "最先的不同：{name}的 {array} 相差 {error}，而舍入只会到 {tolerance}。",
    "first_mask": "最先的不同：{name}的掩码打开了别的键，{all} 处中有 {count} 处不同。",
    "first_array_not_finite": "最先的不同：{name}的 {array} 在一边是 NaN 或 ∞，另一边是数。",
    "first_shape": "最先的不同：{name}的 {array} 在这边是 {mine}，在那边是 {theirs}。",
    "mask_rule": "{name}：{rule}",
    "mask_here": "这边的掩码",
    "mask_there": "那边的掩码",
    "dumps_right_there": "其中相同的：{names}",
    "dumps_between": "{before}的输出相同：请检查它与 {name} 之间的部分。",
    # 原因。
    "dumps_not_looked_for": "没有查找（--no-diagnose）。",
    "dumps_input_differs": "没有查找：{name} 是输入，转储里没有产生它的东西。",
    "dumps_no_results": "没有查找：由它得出的结果不在两份转储中。",
    "dumps_cannot": "没有查找：{why}。",
    "dumps_unfit": (
        "没有查找：另一份转储中该问题的内容得不出它自己的输出（相差 {error}，而舍入只会到 {tolerance}）。缺少选项或掩码；"
        "请用命令行选项给出，或写进文件。"
    ),
    "dumps_unfit_but_for": (
        "没有查找：另一份转储中该问题的内容得不出它自己的输出（相差 {error}，而舍入只会到 {tolerance}）。"
        "加上 {flags} 就能得出：请一并给出。"
    ),
    "checked_with_theirs": "{name}，用另一份转储的输入",
    "checked_with_same": "{name}，用它自己的输入（两边在舍入误差内相同）",
    "checked_with_mine": "{name}，用它自己的输入",
    "right_but_for_the_mask": ("用另一份转储的掩码，输出是正确的：这边的掩码用了别的写法，或者并不是实际使用的那个。"),
    "right_for_its_inputs": "对于它的输入，注意力是正确的：错误在产生 {name} 的地方。",
    "right_from_theirs": "用这些输入它是正确的：差异来自输入。",
}
