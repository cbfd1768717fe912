"""中文：`attn check` 能识别的错误、改正的办法，以及各家的做法。Chinese: the mistakes."""

SENTENCES = {
    "alibi-slopes": "ALiBi 的斜率不对、符号反了或加错了地方；或者漏加了，或者不该加却加了。",
    "bias": "偏置漏加、被减去、加了两次、被转置，或者加在了缩放之前。",
    "cache-rounded": "键或值经过了位数更少的缓存：int8、int4 或 fp8，每个张量、头、通道、词元或组有一个缩放因子。",
    "causal-corner": "因果掩码对齐的角不对：查询比键少时，第一个查询的位置错了。",
    "causal-diagonal": "因果掩码的对角线偏了一格或几格：查询少看或多看了键。",
    "causal-unwanted": "不需要因果掩码却用了，例如在交叉注意力中。",
    "documents-mixed": "拼进同一个序列的几篇文档互相可见，可能是全部，也可能只在某一处交界。",
    "dropout": "dropout 没有关：有些权重变成 0，其余的按同一倍数放大。",
    "empty-row": "所有键都被屏蔽的行不是 0，而是 NaN、全部值的平均，或者对全部键做的 softmax。",
    "head-reshape": "拆头或并头时只 reshape 而没有转置，或者各头的特征交错而不是依次相连。",
    "heads-tiled": "分组的键头重复的次序不对：查询头 h 用了键头 h mod Hk。",
    "layout": "批、头、长度三个轴之中，有两个弄混了。",
    "mask-added": "把 0 和 1 组成的掩码直接加到得分上。",
    "mask-after-softmax": "softmax 之后才用掩码，而且没有重新归一化。",
    "mask-as-boolean": "掩码里的数本该加到得分上，却被当成了真和假。",
    "mask-axis": "掩码放错了轴：沿着查询、被转置，或者次序成了 (头, 批)。",
    "mask-dropped": "掩码、因果掩码、窗口或填充掩码根本没有用上。",
    "mask-inverted": "把掩码或因果掩码的含义弄反了。",
    "mask-value": "给被屏蔽的键填的 logit 屏蔽不住它：0、-1e-9、得分乘以掩码，或别的数。",
    "operands-swapped": "查询、键、值的传入次序不对，或者其中一个传了两次。",
    "output-factor": "整个输出被乘上了一个数。",
    "padding-attended": "关注到了填充的键：没有为填充建立掩码，或者掩码丢了。",
    "qkv-split": "查询、键、值合在一起的投影，切分的次序不对。",
    "rope-offset": "查询或键按别处的位置旋转，或者转了两次：多半是没有把缓存算进去。",
    "rope-pairing": "旋转位置编码的配对不同、方向相反，或者只旋转了查询、只旋转了键、只旋转了一部分维。",
    "rope-theta": "旋转位置编码的底数不同。",
    "scale": "得分乘上的缩放因子不对。",
    "score-function": "用了别的打分函数，或者它的矩阵被转置。",
    "sink": "汇（sink）漏掉了、被缩放、符号反了，或者没有要求却有了。",
    "softcap": "softcap 漏掉了、用错了地方，或者上限不同。",
    "softmax-axis": "softmax 沿着查询、头或批计算，或者根本没有做。",
    "strides": "按另一种布局的步长（stride）读了缓冲区。",
    "window-bounds": "窗口的边界不对，或者从别的位置算起。",
}
SENTENCES |= {
    "broadcast-sum": "偏置或掩码供几行、几个头共用，其梯度却没有沿这些轴求和，或者取成了别的结果的梯度。",
    "d-output": "损失函数不同：所有梯度都乘上了一个数，或者没有用给出的 d_output。",
    "delta": "从 d_weights 中减去的 δ = rowsum(d_output ∘ output) 漏掉了，或者不对。",
    "gradient-factor": "其中一个梯度被乘上了一个数。",
    "gradient-layout": "梯度按另一种布局的步长写出：数是对的，位置不对。",
    "gradients-swapped": "查询、键、值的梯度互相弄混了。",
    "group-order": "共享的键头汇总梯度时，查询头取错了：用了 h mod Hk。",
    "group-sum": "几个查询头共享一个键头，其梯度却不是它们的和，而是其中一个、平均值，或者没有合并。",
    "rotation-back": "旋转过的查询或键，其梯度没有转回来、转错了方向，或者配对不同。",
    "scale-back": "查询或键的梯度漏乘了缩放因子，或者乘了两次。",
    "sink-back": "汇（sink）的梯度漏乘了它的那份权重，符号反了，或者没有求和。",
    "softcap-back": "softcap 的导数漏掉了，或者不对。",
    "softmax-back": "softmax 的梯度漏掉了，或者沿错了轴。",
    "split": "查询的梯度里少了一段键，或者把它加了两次；键和值的梯度里的一段查询也可能如此。",
    "transposed": "某个乘积里矩阵没有转置，或者用错了因子。",
}

_CLOSE = "在 softmax 之前，把被屏蔽的键的 logit 设为 −∞。"
FIXES = {
    "alibi-slopes": (
        "n 个头（n 为 2 的幂）的斜率 m 是 2^(-8i/n)；头数不是 2 的幂时，先取下一个较小的幂的那些斜率，再取较大的幂的斜率，隔一个取一个。"
        "缩放之后加上 −m·|p − j|。"
    ),
    "bias": "只加一次，在缩放和 softcap 之后。",
    "cache-rounded": "按计算所用的类型保存键和值；如果本来就要这样，用 --cache 说明。",
    "causal-corner": "让位置 p 的查询看到位置 p 及之前的键，并说明第一个查询的位置（--offset）。",
    "causal-diagonal": "位置 p 的查询看得到位置 p 及之前的键，包括它自己的键。",
    "causal-unwanted": "这里不要传 is_causal。",
    "documents-mixed": "把来自其他文档的键屏蔽掉。",
    "dropout": "关掉 dropout：model.eval()，dropout_p=0。",
    "empty-row": "让这样的行输出 0。",
    "head-reshape": "先 reshape 成 (批, 长度, 头, 特征)，再交换长度和头；合并之前换回来。",
    "heads-tiled": "查询头 h 用键头 h div (H / Hk)：用 repeat_interleave，不用 repeat。",
    "layout": "先把数组变成 (批, 头, 长度, 特征)。",
    "mask-added": _CLOSE,
    "mask-after-softmax": _CLOSE,
    "mask-as-boolean": "把这些数加到得分上；如果本意是屏蔽键，就把掩码存成真和假（布尔值）。",
    "mask-axis": "键的掩码放在最后一个轴上；批中每一项的掩码，只对它自己的各个头重复。",
    "mask-dropped": "把它传下去，并查清是在哪里丢的：常常是给了一条规则，另一条就丢了。",
    "mask-inverted": "反过来用：这里真表示可见。",
    "mask-value": _CLOSE,
    "operands-swapped": "按查询、键、值的次序传入。",
    "output-factor": "看看值上或 softmax 之后有没有乘一个数，例如把缩放放到了那里。",
    "padding-attended": "从每一项的长度起，屏蔽后面的键。",
    "qkv-split": "按权重打包的次序切分：整块的查询、键、值，或者每个键头一组 [q|k|v]。",
    "rope-offset": "位置从缓存之后接着数，每个键只旋转一次。",
    "rope-pairing": "按模型训练时的配对方式旋转查询和键（--rope）。",
    "rope-theta": "使用模型配置里的底数（--rope-theta）。",
    "scale": "只缩放一次；模型没有另外说明时，乘 1/√d。",
    "score-function": "使用 --score 指定的打分函数。",
    "sink": "给每个头在 softmax 的总和里加上一个 logit，不缩放。",
    "softcap": "在缩放之后、偏置和掩码之前，用 X·tanh(得分/X)。",
    "softmax-axis": "沿着键，也就是得分的最后一个轴，做 softmax。",
    "strides": "传入数组在内存中真正的步长，或者先复制一份。",
    "window-bounds": "用 --window LEFT,RIGHT：两端都包含在内，−1 表示不限。",
}
FIXES |= {
    "broadcast-sum": "数组长度为 1 的每个轴上，都要对 logit 的梯度求和。",
    "d-output": "看看是不是用平均代替了求和、没有除去损失的缩放，或者 d_output 全取成了 1。",
    "delta": "d_scores = weights ∘ (d_weights − δ)，每行一个 δ，用最终归一化之后的输出来算。",
    "gradient-factor": "看看是不是有什么加了两次，或者最后一步多乘了一个数。",
    "gradient-layout": "先交换长度和头再 reshape，或者传入梯度在内存中真正的步长。",
    "gradients-swapped": "按查询、键、值的次序返回。",
    "group-order": "键头 k 汇总从 k·(H / Hk) 起的查询头：reshape 成 (Hk, H / Hk)，对第二个轴求和。",
    "group-sum": "把共享一个键头的各查询头的梯度加起来。",
    "rotation-back": "用同样的角、相反的符号转回来：cos, −sin。",
    "scale-back": "d_query = scale · d_scores · key，d_key = scale · d_scoresᵀ · query：各乘一次。",
    "sink-back": "d_sink = −Σ exp(sink − lse) · δ，对批和查询求和。",
    "softcap-back": "乘以 1 − tanh²(得分/X) = 1 − (capped/X)²。",
    "softmax-back": "d_scores = weights ∘ (d_weights − rowsum(weights ∘ d_weights))。",
    "split": "检查分块循环的边界、最后不满的一块，以及原子累加的部分。",
    "transposed": "d_query = d_scores · key，d_key = d_scoresᵀ · query，d_value = weightsᵀ · d_output。",
}

LIBRARIES = {
    "cache-rounded": "fp8，每个张量一个缩放因子：vLLM、TensorRT-LLM、SGLang；每 32 维一组：llama.cpp；键按通道、值按词元：KIVI",
    "causal-corner": (
        "左上角：PyTorch SDPA、JAX、Keras、TransformerEngine 的 causal、xformers；右下角：flash-attention 2.1 起、MLX；"
        "ONNX：由缓存决定"
    ),
    "empty-row": "0：现在的 PyTorch、flash-attention、ONNX；值的平均：JAX、TensorFlow 上的 Keras、transformers 的 eager",
    "heads-tiled": "几乎都是 h div n；循环重复：ONNX 1.19",
    "layout": "(B, H, S, D)：PyTorch、MLX、ONNX；(B, S, H, D)：flash-attention、JAX、Keras、xformers；(S, B, H, D)：TransformerEngine",
    "mask-as-boolean": "数加到得分上：SDPA、nn.MultiheadAttention、ONNX；0 为假、1 为真：Keras、transformers 的 attention_mask",
    "mask-inverted": "真 = 可见：SDPA、ONNX、JAX、MLX、Keras；真 = 屏蔽：nn.MultiheadAttention、TransformerEngine",
    "rope-pairing": "half：transformers、TransformerEngine、MLX；interleaved：Meta 的 Llama、flash-attention 的缓存调用",
    "scale": "几乎都是 1/√d；1：cuDNN 前端、T5 和 Whisper；MLX 要求调用者给出",
    "softcap": "掩码之前：flash-attention、Gemma 2、ONNX 1.22 起；掩码之后：ONNX 1.21 及以前",
    "window-bounds": "两端包含的 (左, 右)：flash-attention、TransformerEngine、JAX、ONNX；连查询自己的键在内共 W 个：transformers",
}

MISTAKES = {
    f"{kind}_{name}": text
    for kind, said in (("mistake", SENTENCES), ("fix", FIXES), ("libraries", LIBRARIES))
    for name, text in said.items()
}
