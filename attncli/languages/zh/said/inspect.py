"""中文：`attn inspect`。Chinese: the report, the listings and the samples of `attn inspect`."""

INSPECT = {
    # 表头
    "array": "数组",
    "shape": "形状",
    "type": "类型",
    "text": "文本",
    "the text {text}": "文本 {text}",
    "the number {number}": "数 {number}",
    "an object": "对象",
    "an array": "数组",
    "meaning": "含义",
    "min": "最小",
    "file": "文件",
    "problem": "问题",
    "asks": "考察",
    "layer": "层",
    "also": "另有",
    "options": "选项",
    "other arrays": "其他数组",
    "sample": "样例",
    "title": "标题",
    # 文件里有什么
    "file: {file}": "文件：{file}",
    "source: {source}": "来源：{source}",
    "none": "无",
    "in {shape}": "包含在 {shape} 中",
    "(top level)": "（顶层）",
    "{count} problems": "{count} 个问题",
    "one matrix, {shape}": "一个矩阵，{shape}",
    "{option}: set by {source}": "{option}：由 {source} 设定",
    "shown first: {places}": "首先显示：{places}",
    # compute 会做什么
    "{sentence}.": "{sentence}。",
    "hint: {hint}": "建议：{hint}",
    "compute cannot run: {message}": "compute 无法运行：{message}",
    "compute would run {what} ({in_force}) and give an output of {output}": (
        "compute 将计算 {what}（{in_force}），输出的形状是 {output}"
    ),
    "{what}, for each of {each}": "{what}，{each}各算一次",
    "{queries} on {keys} keys, {features}": "{queries}对 {keys} 个键，{features}",
    "1 query": "1 个查询",
    "{count} queries": "{count} 个查询",
    "1 feature": "1 个特征",
    "{count} features": "{count} 个特征",
    "{count} batch items": "批中 {count} 项",
    "{count} heads": "{count} 个头",
    "--hidden X --layer {layer} computes a layer of attention": "用 --hidden X --layer {layer} 可计算一层注意力",
    "--hidden X --layer {layer} computes a layer of attention; attn inspect {every} lists all {count} layers": (
        "用 --hidden X --layer {layer} 可计算一层注意力；attn inspect {every} 列出全部 {count} 层"
    ),
    "by their names they can be given one by one: attn compute {flags}": "可以按名称逐个给出：attn compute {flags}",
    "{flags} takes an array by any name, and so do the other flags of arrays": (
        "{flags} 可以按任何名称取一个数组，其他数组的选项也是如此"
    ),
    "Every command takes them as it takes files: {example}": "所有命令都能像文件一样读取它们：{example}",
}
