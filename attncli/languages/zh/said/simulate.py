"""中文：`--simulate` 的表与结论。Chinese: what is said of a kernel of less precision."""

SIMULATE = {
    "the error of a kernel of these types, stage by stage": "按这些类型计算的内核的误差，逐阶段",
    "the error of a kernel of these types, stage by stage, with an online softmax (tile {tile})": (
        "按这些类型计算的内核的误差，逐阶段；在线 softmax，每块 {tile} 个键"
    ),
    "measured in {seen} of {count} queries of the layer's output": "在这一层输出的 {count} 个查询中的 {seen} 个上测得",
    "measured in {seen} of {count} queries of {heads} of {every} heads": (
        "在 {every} 个头中的 {heads} 个、每头 {count} 个查询中的 {seen} 个上测得"
    ),
    "stage": "阶段",
    "type": "类型",
    "alone: largest": "单独：最大",
    "so far: largest": "累计：最大",
    "rms": "均方根",
    "share": "占比",
    "largest": "最大",
    "head": "头",
    "observed": "实测",
    (
        "errors are relative to the size of their row, Σ weights · |value|: the largest, and the root mean square; alone: "
        "all other stages are exact; so far: those after it are; share: of the sum of the squares of what each changes in "
        "what those before it give"
    ): (
        "误差相对于该行的大小 Σ 权重 · |值|：最大值与均方根；单独：其余阶段都是精确的；累计：其后的阶段是精确的；"
        "占比：各阶段在前面各阶段的结果上引起的变化，其平方所占的份额"
    ),
    (
        "your error is {times} times that of such a kernel, but the largest {largest} times: in some rows rounding like "
        "this does not explain it"
    ): "你的误差是这种内核的 {times} 倍，但最大误差是它的 {largest} 倍：有些行的误差不是这样的舍入能解释的",
    "your error is {times} times that of such a kernel: its rounding does not explain it": (
        "你的误差是这种内核的 {times} 倍：它的舍入解释不了"
    ),
    "your error is {times} times that of such a kernel: yours is more precise": (
        "你的误差是这种内核的 {times} 倍：你的比它更精确"
    ),
    "your error is {times} times that of such a kernel: normal for one": "你的误差是这种内核的 {times} 倍：属于正常",
    "{share} of its square is the error of this very kernel, number for number": (
        "其平方的 {share} 与这个内核的误差逐个数相符"
    ),
}
