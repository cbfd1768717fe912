"""中文：`attn trace`。Chinese: the table and the notices of `attn trace`."""

TRACE = {
    "difference": "差异",
    "loading {model}": "正在载入 {model}",
    "running the model": "正在运行模型",
    "recording": "正在记录",
    "nothing was saved; -o FILE records it": "没有保存任何内容；加上 -o FILE 才会记录",
    "the model wrote {text}": "模型写出了 {text}",
    "cannot be recorded: {name}": "无法记录：{name}",
    (
        "{place}: the model's own output is off by {error}; rounding usually explains up to {tolerance}; attn check "
        "shows more"
    ): "{place}：与模型自己的输出相差 {error}，而舍入通常只能解释到 {tolerance}；attn check 会说明更多",
    "the weights of 1 layer take {size}": "1 层的权重占 {size}",
    "the weights of {count} layers take {size}": "{count} 层的权重占 {size}",
    "no text was given; using {text}": "没有给出文本；改用 {text}",
    "{text} is read as a text; --lines {text} reads the file": (
        "{text} 当作一段文本读取；要读取这个文件，请用 --lines {text}"
    ),
    "the decoder reads only its start token; give the target as a second text, or --generate N": (
        "解码器只读到起始词元；请把目标作为第二段文本给出，或者用 --generate N"
    ),
    "its file holds {count} weights that the model does not use: {names}": (
        "其文件中有 {count} 个权重是模型不用的：{names}"
    ),
    # 为什么没有记录整层
    "{names}: recorded from query, key and value on, not whole: {reason}": (
        "{names}：只从 query、key、value 起记录，没有记录整层：{reason}"
    ),
    "the names of its weights are not known": "不认识它的权重的名称",
    "it has no output of its own that was seen": "没有看到它自己的输出",
    "its output is made of the weighted sum in another way": "它的输出由加权和经另一种方式得出",
    "its weights are {kind}": "它的权重是 {kind}",
    "what its matrices are multiplied with was not seen": "没有看到它的矩阵与什么相乘",
    "what it is given has {count} axes, not (batch, length, features)": (
        "它的输入有 {count} 个轴，而不是（批, 长度, 特征）"
    ),
    "{count} of its keys do not arrive at its attention": "它的键有 {count} 个没有到达注意力",
    "its {name} is none of the norms that are known": "它的 {name} 不是已知的归一化",
    "its norms are of different kinds": "它的各个归一化种类不同",
    "its weights do not fit: {reason}": "它的权重不合：{reason}",
    "its cosines and sines are for {turned} features, and a query has {features}": (
        "它的余弦和正弦对应 {turned} 个特征，而查询有 {features} 个"
    ),
    "its position embeddings are not cosines and sines": "它的位置编码不是余弦和正弦",
    "its cosines and sines are {shape} numbers": "它的余弦和正弦是 {shape} 个数",
}
