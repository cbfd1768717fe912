"""中文：标准错误上的提示。Chinese: the notices on standard error."""

NOTICES = {
    # 文件
    "1 comment line before the table is left out": "略去了表格前的 1 行注释",
    "{count} comment lines before the table are left out": "略去了表格前的 {count} 行注释",
    "line {line} begins with # and is read as a row, for it has the cells of one": (
        "第 {line} 行以 # 开头，但格数与表中各行相同，因此当作一行数据读取"
    ),
    "lines {first} to {last} begin with # and are read as rows, for they have the cells of some": (
        "第 {first} 至 {last} 行以 # 开头，但格数与表中各行相同，因此当作数据行读取"
    ),
    "the first row, {row}, is read as a header; --no-header reads it as numbers": (
        "第一行（{row}）当作表头读取；若它是数据，请加 --no-header"
    ),
    "the first row, {row}, is read as numbers; --header reads it as a header": (
        "第一行（{row}）当作数据读取；若它是表头，请加 --header"
    ),
    "the first column, {column}, is read as labels; --no-row-labels reads it as numbers": (
        "第一列（{column}）当作标签读取；若它是数据，请加 --no-row-labels"
    ),
    "the first column, {column}, is read as numbers; --row-labels reads it as labels": (
        "第一列（{column}）当作数据读取；若它是标签，请加 --row-labels"
    ),
    "{place} holds {count} problems; using {first}, the last one is {last}": (
        "{place} 中有 {count} 个问题；这里用 {first}，最后一个是 {last}"
    ),
    "{format} has no {types}: the same numbers are float32 there; {suffix} keeps them": (
        "{format} 没有 {types} 类型：这些数在其中存为 float32；用 {suffix} 可以保留原来的类型"
    ),
    "{name} is written in chunks of {shape}": "{name} 按 {shape} 的分块写出",
    "about {size} of {format} will be written; the same would be {less} as {other}": (
        "将写出约 {size} 的 {format}；写成 {other} 只要 {less}"
    ),
    "no files are given, so standard input is waited for; < /dev/null goes without": (
        "没有给出文件，正在等待标准输入；若不需要输入，请加 < /dev/null"
    ),
    # 层的权重
    "{place}: not used: {names}": "{place}：没有用到 {names}",
    "{place}: taken as one head; {lacking}": "{place}：当作一个头来计算；{lacking}",
    "--hidden FILE gives the states that the layer is computed on": "用 --hidden FILE 给出这一层的输入状态",
    "--heads says how many heads there are: num_attention_heads in config.json": (
        "用 --heads 给出头数，即 config.json 中的 num_attention_heads"
    ),
    "--heads says how many heads there are ({found}): num_attention_heads in config.json": (
        "用 --heads 给出头数（{found}），即 config.json 中的 num_attention_heads"
    ),
    "{flags} by the size of q_norm": "由 q_norm 的大小看，是 {flags}",
    "--heads {count} by the sinks": "由 sinks 的个数看，是 --heads {count}",
    "--bias gives what they add to the scores": "它们加到得分上的数用 --bias 给出",
    "--rope says how to rotate": "如何旋转用 --rope 说明",
    "--w-g takes the weights of a gate": "门控的权重用 --w-g 给出",
    "a norm has weights alone here, so that the output is another if these biases are not 0": (
        "这里的归一化只有权重而没有偏置；若这些偏置不为 0，输出会不同"
    ),
    # 没有作用的选项和数组
    "{name} has no effect with {other}": "有 {other} 时，{name} 不起作用",
    "{name} has no effect without {needs}": "没有 {needs} 时，{name} 不起作用",
    "{name} has no effect with --score {score}; it belongs to --score {others}": (
        "用 --score {score} 时，{name} 不起作用；它属于 --score {others}"
    ),
    "alibi has no effect on which keys are open: it adds numbers": "alibi 只是加上一些数，不影响哪些键可见",
    # 掩码
    "mask holds only the whole numbers 0 and 1, which are read as false and true: 1 = may attend": (
        "mask 中只有整数 0 和 1，分别当作假和真：1 表示可见"
    ),
    "mask holds only the whole number 0, which is read as false: all keys are closed; 0.0 would add nothing": (
        "mask 中只有整数 0，当作假：所有的键都被屏蔽；若写成 0.0，则是加 0，等于没有掩码"
    ),
    "mask holds the numbers 0 and 1, which are added to the scores; to close keys, use true and false": (
        "mask 中是浮点数 0 和 1，会加到得分上；要屏蔽键，请用 true 和 false"
    ),
    "mask has the axes (B, L, S), and three axes of a mask are read as (H, L, S)": (
        "写出的 mask 的轴是（B, L, S），而读取时三个轴的掩码当作（H, L, S）"
    ),
    "mask covers only the first key; the other {count} are closed": "mask 只涉及第一个键；其余 {count} 个键都被屏蔽",
    "{name} holds numbers down to {least} but no -∞: they are added, and close no key": (
        "{name} 中有小到 {least} 的数，但没有 -∞：这些数只是加上去，并不屏蔽任何键"
    ),
    "query {query} may attend to nothing: weights and output are 0": (
        "查询 {query} 没有可见的键：它的权重和输出都是 0"
    ),
    "queries {queries} may attend to nothing: weights and output are 0": (
        "查询 {queries} 没有可见的键：它们的权重和输出都是 0"
    ),
    # 数值
    "{count} NaN": "{count} 个 NaN",
    "{count} ∞": "{count} 个 ∞",
    "{name} holds {counts}": "{name} 中有 {counts}",
    "{names} hold {counts}": "{names} 中有 {counts}",
    "{name} leaves the range of {type}": "{name} 超出了 {type} 的范围",
    "{name} leave the range of {type}": "{name} 超出了 {type} 的范围",
    # 梯度
    "without d_output it is all ones: the loss is the sum of the output": (
        "没有给出 d_output，因此取全 1：损失就是输出之和"
    ),
    "{names}: whole numbers are differentiated as if they were float64": "{names}：整数按 float64 求梯度",
    # 写出和显示的是哪一部分
    "there are {scores} scores: only the output is written; {every} writes all steps": (
        "共有 {scores} 个得分，因此只写出 output；加上 {every} 可以写出所有步骤"
    ),
    "there are {scores} scores: {left} are left out; --step asks for each by its name": (
        "共有 {scores} 个得分，因此略去 {left}；用 --step 可以按名称逐个写出"
    ),
    "only batch 0 of {count} is shown; --batch N shows another, --batch all shows all": (
        "批次共 {count} 项，只显示第 0 项；用 --batch N 换一项，用 --batch all 显示全部"
    ),
    "only head 0 of {count} is shown; --head N shows another, --head all shows all": (
        "共 {count} 个头，只显示头 0；用 --head N 换一个头，用 --head all 显示全部"
    ),
    # 图和网页
    "the page shows means of {down} × {across}, of {queries} queries and {keys} keys": (
        "共有 {queries} 个查询和 {keys} 个键，因此网页中每一格是 {down} × {across} 个数的平均"
    ),
    "no font of this system has {characters}; a font such as Noto Sans CJK would, and matplotlib finds it": (
        "系统中没有字体含有 {characters}；请安装 Noto Sans CJK 一类的字体，matplotlib 会找到它"
    ),
    # 开销
    "{text} is not understood, and may change what attention costs": "不认识 {text}，它可能影响注意力的开销",
    "{name} is not counted, only what writes text": "没有计入 {name}：只计算写出文本的部分",
    "{names} are not counted, only what writes text": "没有计入 {names}：只计算写出文本的部分",
    "nothing says how many tokens there are to look at; {keys} are taken, and --keys gives another number": (
        "没有说明有多少个词元可以关注，这里取 {keys}；用 --keys 可以改"
    ),
    "{cache}: bytes are counted as {dtype} all the same; what a cache of fewer bits takes is said beside it": (
        "{cache}：字节数仍按 {dtype} 计算；位数更少的缓存占多少，另有一行"
    ),
    (
        "the first query stands at position 0, so that keys from {length} on are closed to all; --offset end puts the "
        "queries at the end"
    ): "第一个查询在位置 0，因此从 {length} 起的键对所有查询都被屏蔽；用 --offset end 可以把查询放在末尾",
}
