"""中文：手册的标题和引言。Chinese: the pages of the reference."""

REFERENCE = {
    "title": "帮助",
    "intro": (
        "`attn help 命令` 说明一个命令，`attn help 主题` 说明一个主题。`-f markdown` 输出 Markdown，`-o 文件` 写入文件，`--lang` 选择语言。"
        "各命令自己的 `--help` 只有英文。"
    ),
    "commands": "命令",
    "command": "命令",
    "group": "类别",
    "does": "作用",
    "topics": "主题",
    "topic": "主题",
    "says": "内容",
    "topic_files": "FILES 的含义、一个文件里的多个问题、标签、标准输入。",
    "topic_arrays": "文件、命令行和 Python 中可以给出的全部数组及其形状。",
    "topic_options": "计算的全部选项，按阶段排列。",
    "topic_results": "步骤、结果、梯度、它们在 JSON 里的写法、退出状态。",
    "topic_formats": "全部文件格式，以及每种格式能装什么。",
    "topic_mistakes": "`attn check` 能识别的全部错误，以及怎样改正。",
    "topic_python": "Python 函数；怎样从 PyTorch、JAX 和 TensorFlow 存下注意力，交给 `attn check`。",
    "title_files": "文件：各命令读什么",
    "title_arrays": "数组：用什么来算",
    "title_options": "计算的选项",
    "title_results": "结果：算出来的是什么",
    "title_formats": "文件格式",
    "title_mistakes": "attn check 能识别的错误",
    "title_python": "Python",
    "comma": "、",
    "semicolon": "；",
    "either": "{others} 或 {last}",
    "given": "给出",
    "means": "含义",
    "name": "名称",
    "what": "说明",
    "shape": "形状",
    "up_to": "至多",
    "axis": "字母",
    "flag": "选项",
    "formula": "公式",
    "parameters": "参数",
    "step": "步骤",
    "stage": "阶段",
    "makes": "得到",
    "status": "状态",
    "format": "-f",
    "suffix": "扩展名",
    "holds": "一个文件能装什么",
    "bytes": "类型",
    "text": "文本",
    "binary": "二进制",
    "needs": "需要安装",
    "files_intro": "FILES 可以是一个装有若干命名数组的文件，也可以是一到三个各装一个矩阵的文件。其余的用命令行选项给出。",
    "files_archive": "一个 {suffixes} 文件",
    "files_named": "命名数组，属于一个或多个问题；`FILE:NAME` 从中选一个",
    "files_given_1": "一个 {suffixes} 文件",
    "files_given_2": "两个这样的文件",
    "files_given_3": "三个这样的文件",
    "files_means_1": "一个矩阵；自注意力：{names} = 它",
    "files_means_2": "依次是 {names}",
    "files_means_3": "依次是 {names}",
    "files_dash": "标准输入",
    "files_typed": "矩阵本身，按 JSON 的写法；在 shell 里要加引号",
    "files_sample": "随 attn 一起安装的样例；`attn inspect sample:` 列出全部",
    "files_set": "设定或替换一个数组",
    "files_list": "数字本身，用逗号隔开",
    "files_shards": "它所列出的全部分片中的数组，分片须与它在同一目录",
    "files_weights": "检查点中某一层的权重，见下文",
    "files_steps": "`attn softmax` 读 {softmax}，`attn sum` 读 {sum}；两者也能直接读上一步的输出，其中已包含全部内容。",
    "files_picking": "从多个中选一个",
    "files_problems": (
        "一个存档里可以有多个问题，例如一个模型的所有层：`decoder.3.query` 是问题 `decoder.3` 的查询；前面没有问题名的名称属于所有问题。"
        "同样，如果 `decoder.3` 自己没有状态，`decoder.3.w_o` 就属于它下面的每一步：`decoder.3.step.1` 等。"
        "`FILE:decoder.3` 选出这个问题；如果没有别的问题带这个数字，写 `FILE:3` 就够了。不指定时，`attn check` 和 `attn inspect` "
        "处理所有问题，其他命令只取第一个。用选项设定数组时，`FILE:NAME` 从存档里选一个数组，不管它在里面叫什么名字。"
    ),
    "files_entries": "存档里有什么",
    "files_arrays": "数组使用 `attn help arrays` 列出的名称。遇到不认识的名称会报错，并提示最接近的已知名称。除数组外，还可以有：",
    "entry_query_labels": "每个查询一个标签，例如它的词元（token）；显示在表格里，也可以用在 `--row` 中",
    "entry_key_labels": "每个键一个标签，同上",
    "entry_labels": "查询和键相同时，一次给出两者的标签；以上三种都可以是列表的列表，批中每一项一个列表",
    "entry_title": "一行标题，显示在最上面",
    "entry_source": "数据的来源，由 `attn inspect` 显示",
    "entry_probe": "`attn probe` 用这个问题考察的项目；`attn check` 根据 `expected` 回答",
    "entry_dtype": "JSON 中数字的类型（默认 `float64`）",
    "entry_options": "一个对象，内容是 `attn help options` 中的选项，不带前面的短横",
    "entry_show": (
        "没有选项指定时，`attn plot`、`attn explain` 和页面先显示什么：一个对象，可以有 `batch`、`head`、`row` 和 `col`，"
        '例如 `{{"head": 1, "row": "it"}}`'
    ),
    "entry_cache_effect": "`attn compute --cache` 写出的 JSON 中：缓存对每个头的影响；读取时忽略",
    "entry_simulated": "`attn compute --simulate` 写出的 JSON 中：这种内核逐阶段的误差；读取时忽略",
    "files_layer": "检查点中的一层",
    "files_layers": (
        "`--layer FILE:PREFIX` 按模型中张量的通行名称取出一个注意力层的权重。FILE 可以是 {suffixes} 文件、{index}，"
        "或模型所在的目录；PREFIX 是下表名称之前的部分，省略则表示名称就在最外层。"
        "只读取用到的张量。名称决定 `--weights` 和 `--qkv`；头数、缩放、归一化、旋转和掩码写在模型的配置里，要用选项给出。"
        "文件里的内容替换层里的，选项再替换两者。用通配模式可以列出有哪些层："
    ),
    "files_tensors": "名称（不以 weight 结尾的，后接 `.weight`）",
    "files_decided": "矩阵的排列方式",
    "files_beside": "偏置也会读取；此外若有下列张量也一并读取：{names}。",
    "files_stdin": "标准输入",
    "files_sniffed": (
        "从管道读入的数据，根据最前面的几个字节判断格式；哪种格式都不认的文本当作 {plain}。不给文件时，只要标准输入是管道或文件，并且里面有"
        "内容，就读它。`attn score`、`attn softmax` 和 `attn sum` 每一步都把整个问题传给下一步，三步连起来的结果与 `attn compute` "
        "完全一致，一位不差。"
    ),
    "files_precedence": "命令行优先于文件",
    "files_flags": (
        "用选项设定的数组取代文件里的数组。命令行上的选项取代文件 `options` 里的同名选项；文件里打开的，可以用 `--no-causal` 之类关掉。"
        "`attn inspect` 会说明每个选项是在哪里设定的。"
    ),
    "arrays_intro": (
        "这些名称用在存档和 Python 里。作为命令行选项时，前面加 `--`，并把 `_` 写成 `-`：`past_key` 就是 `--past-key FILE`。"
        "第一个名称之后的，是存档里可用的别名。"
    ),
    "arrays_states": "查询、键和值",
    "arrays_shapes": (
        "它们有 1 到 4 个轴：2 个轴是 (L, E)，3 个轴是 (头, L, E)，4 个轴是 (批, 头, L, E)。给出向量，得到的也是向量。使用 `--heads` "
        "时，最后一个轴是各头拼在一起的：2 个轴是 (L, 头数·E)，3 个轴是 (批, L, 头数·E)。各轴的顺序不同时用 `--layout` 说明：`bshd` 是 (批, L, 头, E)；"
        "`sbhd` 是 (L, 批, 头, E)，各头拼在一起时是 (L, 批, 头数·E)；`thd` 是 (词元, 头, E) 或 (词元, 头数·E)。它适用于查询、键、值、缓存、"
        "门控和输出，不复制任何数组；分页的键池和值池按 `block_table` 的约定排列，掩码和权重的轴不变。"
    ),
    "arrays_stage": "“{stage}”所用的数组",
    "arrays_masks": (
        "“至多”表示每个轴的长度也可以是 1，前面的轴也可以省略。掩码比键短时，超出部分的键全部屏蔽。打分函数的矩阵如果没有给出，"
        "就当作恒等变换。"
    ),
    "arrays_rules": (
        "以下条件全部成立时，键对查询可见：在这一项的有效长度之内；在窗口之内；两者在同一文档、同一段里；在列出的索引之中；"
        "掩码和偏置没有屏蔽它；没有因果掩码，或者键不在查询之后，或者键在前缀之内，或者两者属于同一块。"
    ),
    "arrays_loss": "用于梯度",
    "arrays_expected": "用来比较",
    "arrays_expected_results": "别的程序算出的中间结果，名称是在结果的名称前加 `expected_`：{names}。",
    "arrays_expected_gradients": "别的程序算出的梯度，名称是在梯度的名称前加 `expected_`：{names}。",
    "arrays_axes": "形状中的字母",
    "options_intro": (
        "用在命令行上；不带前面的短横，也可以写进文件的 `options`；在 Python 里是关键字参数，`-` 写成 `_`。下面按各阶段的计算顺序排列。"
        "只影响显示的选项见 `attn help 命令`。"
    ),
    "options_scaling": (
        "`--rope-scaling` 的各种类型：ω = θ^(−2i/D) 是第 i 对的频率，θ 是底数，D 是旋转的维数，f 是 factor，"
        "L₀ 是训练时的长度，L 是最大的位置加 1。YaRN 和 longrope 还把余弦和正弦乘以 attention_factor；没有给出时，YaRN 用 "
        "0.1·ln f + 1（或两个 mscale 之比），longrope 用 √(1 + ln f/ln L₀)。在文件里可以直接放 config.json 的对象："
        "其中的 `rope_theta`、`partial_rotary_factor` 和 `mrope_section` 也会采用，除非另有选项给出。"
    ),
    "options_needs": "只有同时给出 {flags} 才起作用。",
    "options_cache": (
        "TYPE:SCALES 用于键和值，key=TYPE:SCALES 只用于键。缩放因子是 max|x| / 最大的编码，正负对称，本身不舍入：批中一项的所有头一个"
        "（`tensor`），每个头一个，每一维一个、各词元共用（`channel`），每个头的每个词元一个，或其中每 N 维一个（`groupN`，最后一组可以小些）；"
        "超出 key_lengths 的键不算在内。每个数取最近的编码，正好在中间时取偶数，超出最大的编码时取最大的。`attn compute` 和 `attn check` "
        "会说明它对每个头的影响。"
    ),
    "options_scales": "不写 SCALES 时",
    "options_largest": "最大的编码",
    "options_also": "别名",
    "options_several": "一个选项的几个取值",
    "options_vary": (
        "`attn compute`、`attn explain` 和 `attn plot` 的 `--vary OPTION=VALUE,VALUE,…` 把一个选项的几个取值（至多 {most} 个）"
        "并排比较，例如 `--vary scale=none,sqrt,1/16`，并说明与第一个取值相比有哪些变化。文件或命令行里这个选项的其他设定都不算数。"
        "缺省关闭的选项，`none`（或 `off`）表示不用；`--vary causal` 就是关和开。取值本身带逗号时，用分号隔开，并给 shell 加引号："
        "`--vary 'window=none;3;2,0'`；没有分号，而整个文本又可以当作一个取值时，会报错。"
    ),
    "options_end": (
        "ONNX 算子 Attention（opset 23 到 25）和 RotaryEmbedding 所定义的，在这里含义相同。没有可见键的查询，权重和输出都是 0，"
        "并给出提示。被屏蔽的内容绝不会泄漏，哪怕其中有 NaN 或 ∞。"
    ),
    "results_intro": "`attn compute` 显示和写出的内容，Python 的 `steps` 返回的内容，以及程序的退出状态。",
    "results_steps": "步骤与阶段",
    "results_stages": "`--step` 选择步骤；一个步骤包含一个或几个阶段。无事可做的阶段（例如没有 `--softcap` 时的压缩）不产生结果。`attn explain` 还有两个步骤：`tiles`，把一行分块计算；`backward`，梯度。",
    "results_alias": "`{alias}` 是 `{step}` 的另一个名称。",
    "results_names": "结果",
    "results_one": (
        "只能装一个数组的格式（{formats}）里是输出，或者唯一的 `--step` 所要的结果：`score` 给出 logit，`softmax` 给出权重。"
        "各头拼在一起时，得分、logit 和权重仍按头分开，输出则与查询一样拼在一起。输出各轴的顺序由 `--layout` 决定，其他结果总是 (批, 头, …)。"
    ),
    "results_large": (
        "得分超过 {scores} 个时，`attn compute` 在其他供程序读取的格式里也只写输出，并给出提示，因为其余每个结果都和得分矩阵一样大；"
        "需要时用 `--step` 指明。各步骤接在管道里时，始终把全部内容传下去。文本超过 {text} 时，写之前先提示大小；内存装不下的，"
        "开始之前就拒绝，容器（cgroup）和 `ulimit` 的限制也算在内。"
    ),
    "results_json": (
        'JSON 严格合乎标准，数字读回来分毫不差。被屏蔽的 logit（−∞）写成 `null`；JSON 没有的其他数写成 `"NaN"`、`"Infinity"` 和 '
        '`"-Infinity"`。'
    ),
    "results_types": (
        "结果的精度就是计算的精度。float16 的数组以 float32 计算，输出仍是 float16；bfloat16 和 float8 的数组，输出是 float32。"
    ),
    "results_gradients": "梯度",
    "results_grad": (
        "`attn grad` 和 Python 的 `gradients` 从 `d_output`（损失对输出的梯度）出发，反向求出每个参与计算的实数数组的梯度。"
        "梯度的名称是在数组的名称前加 `d_`，形状、各轴的顺序和类型都与该数组相同；整数按 float64 求导。一个数组有几种用途时（例如 "
        "`hidden`），各部分的梯度相加。被屏蔽处都是 0。"
    ),
    "results_back": (
        "反向途中依次是 {names}，形状与得分相同；然后是各个数组的梯度：{arrays}。`attn grad` 的 `--step` 用这些名称。得分超过 {scores} 个时，"
        "存档里只有用 `--step` 指明，才有与得分形状相同的那几个；只能装一个数组的格式需要恰好一个 `--step`。"
    ),
    "results_several": "几个取值并排",
    "results_vary": (
        "`attn compute --vary OPTION=VALUE,…` 的 JSON 为每个取值给出一条记录：选项的名称（`-` 写成 `_`）下是照原样写的取值；`output`；"
        "`effective_keys` 和 `largest_weight`，对所有头和批次项（或 `--head` 和 `--batch` 选定的那些）中看得到键的查询取平均；"
        "`output_change`，输出中与第一个取值相比变化最大的那个数变了多少，输出的形状不同时为 null。CSV 和 TSV 里是同样的内容，但没有输出。"
        "表格显示什么由 `--step` 决定（缺省为 `softmax`，即权重）。"
    ),
    "results_costs": "开销",
    "results_cost": (
        "`attn cost -f json` 给出：`pairs`（`open` 可见，`all` 全部，`tiled` 含可见对的分块里的全部）；`operations`，按运行和阶段；"
        "`bytes`，各层张量合计；`cache`；`time`（没有用 `--flops` 和 `--bandwidth` 或 `--here` 说明机器速度时为 null）；以及 "
        "`formulas`，按所在位置给出每个数的算式。各数是所有层、序列和头的合计；`per_token` 和 `bytes_per_key` 只算一个序列。`decode` "
        "是生成一步：最后一个词元对整个缓存；`prefill` 一次填满缓存。`backward` 多一次得分 `recompute`。`tokens_in_memory` "
        "是每个序列的词元数，任意多都放得下时为 null。有 `--vary` 时是一个列表，每项前面是变化的值。CSV 的各行以同样的位置命名。"
    ),
    "results_masks": "掩码",
    "results_mask": (
        "`attn mask` 给出布尔值，真表示可见；轴是 (B, H, L, S)，其中长度为 1 的省略。所有掩码都相同的轴，长度为 1。给出两个掩码 A 和 "
        "B 时，不同之处为真；JSON 里是比较的结果：不同的格数 `differ`、仅在 `a` 或 `b` 中可见的格数，以及差别的名称 "
        "`difference`；下面没有哪一种能把其中一个恰好变成另一个时为 null。先只看掩码本身；文件或选项给出规则时，再逐条看规则。"
    ),
    "difference": "差别",
    "results_stats": "各个头在做什么",
    "results_measured": (
        "`attn stats` 为每个头给出一条记录（JSON 和 CSV）：{place}，以及下面各数；每个数都是对看得到键的查询取平均。没有查询有这个数时为 null。"
        "sink 只影响它给各键剩下多少权重。位置是因果规则所用的位置。"
    ),
    "number": "数",
    "word": "词",
    "results_others": (
        "`--profile` 为每个头给出 `distance`（键落后于查询多少个位置），以及该距离上可见键的平均权重 `weight` 和平均 logit `logit`。"
        "`--rollout` 给出 `rollout`，(L, L)：每层取各头权重的平均值与单位矩阵各一半，各行之和为 1，再逐层相乘（Abnar 和 Zuidema，2020）；"
        "文件里有 `encoder.0`、`encoder.1` 等时，就用这些层。"
    ),
    "results_status": "退出状态",
    "status_done": "完成",
    "status_different": "`attn check` 或 `attn mask` 发现了差异",
    "status_wrong": "命令行或输入有误",
    "status_interrupted": "被中断",
    "results_errors": (
        "错误在标准错误上写成一行，`attn: 文件: 哪里有误`；知道怎样改正时，再加一行 `hint:`。管道被关闭时直接退出，不报错。`ATTN_DEBUG=1` "
        "会显示错误出在代码的什么地方。"
    ),
    "formats_intro": (
        "`-f` 指定格式；`-o FILE` 写文件而不写标准输出（`-o -`），没有 `--force` 绝不覆盖已有的文件。没有 `-f` 时，文件的格式由扩展名"
        "决定；扩展名与 `-f` 不一致会报错，但 `{any_text}` 可以是任何文本。读文件时根据扩展名判断格式，"
        "没有扩展名就看最前面的几个字节。"
    ),
    "formats_data": "可读可写",
    "formats_people": "写给人看",
    "format_json": (
        "一个对象，其中的名称见 `attn help arrays`；或者一个数字数组，也就是一个矩阵。`dtype` 是数字的类型，缺省为 float64。掩码里的 "
        '`null` 是 −∞，`1` 是整数，`1.0` 不是；`"NaN"`、`"Infinity"` 和 `"-Infinity"` 是数。'
    ),
    "format_csv": (
        "数字之间用逗号、分号、制表符或空格隔开，也可以由首行（如 `sep=;`）指定；用分号或制表符时，小数点可以写成逗号；表格之前以 `#` "
        "开头的行是注释；可以有引号、字节顺序标记，换行符不限。表头行和标签列会成为标签。左上角的格子如果是空的，即使第一行和第一列都是"
        "数字，也当作标签；第一行从 0 起依次计数，而下面每行都有非整数时，第一行是表头。要明确指定，用 `--header` 或 `--no-header`、"
        "`--row-labels` 或 `--no-row-labels`，读和写都适用。"
    ),
    "format_tsv": "同上，数字之间用制表符。",
    "format_npy": "文件映射到内存，流式计算的输出也是如此：两者都可以比内存大。",
    "format_npz": "未压缩时，校验和核对无误后映射到内存。`options` 是一个没有轴的数组，内容是对象的 JSON 文本。",
    "format_safetensors": "文字存为元数据；标签和选项以 JSON 文本存为元数据。BF16 和 F8 的张量也能读，以 float32 计算。",
    "format_zarr": (
        "一个文件夹，或者 fsspec 认识的地址，如 `s3://…`：一组有名称的数组，或者一个数组，也就是一个矩阵。组里的组成为名称的"
        "一部分，`a/b/query` 属于 `a.b`。第 3 版和第 2 版都能读，打包成 ZIP 也能读；写出的是第 3 版，分成块和分片（`--chunks`）。"
        "标签、文字和选项存为属性。bfloat16 写成 float32。会运行代码的编解码器和链接一律拒绝。"
    ),
    "format_hdf5": "只读不写。组成为名称的一部分，属性是标签、文字和选项，与 Zarr 相同。链接，以及数字存在别的文件里的数组，一律拒绝。",
    "formats_safe": (
        "映射到内存的文件，在命令结束之前不得改动。读文件时绝不反序列化 pickle。PyTorch、pandas、Excel 等程序的文件不读，"
        "报错时会给出转换它的命令。"
    ),
    "mistakes_intro": (
        "期望的输出与正确的输出不同时，`attn check` 会把这些错误的各种形式逐一试过，也两两组合，并指出哪一种恰好得到这个输出。"
        "使用 `-f json` 时，错误的名称在 `explanations` 之下。"
    ),
    "mistakes_fix": "改正：",
    "mistakes_libraries": "各家做法：",
    "mistakes_backward": "梯度中的错误",
    "mistakes_backward_intro": (
        "给出的梯度（`expected_d_query` 等，连同 `d_output`）不对时，逐一尝试下列错误，以及上面的错误："
        "可能前向和反向都错，也可能只在反向重新计算权重时出错。"
    ),
    "mistakes_same": "数值相同的错误",
    "mistakes_pairs": "下列错误用什么数据都分不开，所以 `attn check` 两个都列出：{pairs}。",
    "mistakes_pair": "`{first}` 与 `{second}`",
    "python_intro": (
        "各命令调用的就是这些函数；它们只载入 NumPy。凡是 NumPy 能接受的都可以当数组，PyTorch 的张量也可以，类型不限。`help(attncli.steps)` 有全部形状、默认值和错误的"
        "说明（英文）。`load` 和 `steps` 得到的结果，以及讲解和图，在 Jupyter 笔记本里会直接显示出来。"
    ),
    "python_keywords": (
        "`attention`、`steps` 和 `score` 的关键字参数，就是 `attn help arrays` 里的名称，以及 `attn help options` 里的选项（`-` 写成 `_`）。"
    ),
    "python_recipes": "存下别的程序算出的结果",
    "python_dump": (
        "不管用什么计算注意力，加上几行就能存下输入和输出；然后用 `attn check` 比较，用其他命令查看。数组原样存下，用 `layout` "
        "说明各轴的顺序：`bhsd`、`bshd`、`sbhd` 或 `thd`。其他选项见 `attn help options`；布尔掩码的真表示可见。"
    ),
    "python_torch": "{library}，张量为 (批, 头, 长度, 特征)：",
    "python_jax": "{library}，各轴为 (批, 长度, 头, 特征)：",
    "python_tensorflow": "{library}，张量为 (批, 头, 长度, 特征)：",
    "python_after": (
        "transformers 的模型可以直接用 `attn trace` 记录，不需要这些代码；加上 `--whole` 就从每层的输入 x 记录到输出。"
        "掩码、偏置、缓存或 sink 的数组，按 `attn help arrays` 里的名称加进去即可。"
    ),
    "python_probe": "回答 attn probe 的问题",
    "python_fill": (
        "`attn probe -o FILE` 写出若干问题。下面的代码把每个问题交给一个函数，选项作为关键字参数，再把输出存在旁边；然后由 `attn check FILE` 回答。"
        "函数没有返回输出的问题算作没有回答；半精度的输出存为 float32。"
    ),
    "python_filled": "{library} 的函数：",
}
