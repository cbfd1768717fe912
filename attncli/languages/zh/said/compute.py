"""中文：`attn compute`、各步骤命令与 `attn grad` 的表题。Chinese: the titles of tables of results and gradients."""

COMPUTE = {
    # 公式后面的话
    "{made}, −∞ where closed": "{made}，被屏蔽处为 −∞",
    "{made}, 0 where closed": "{made}，被屏蔽处为 0",
    "weights = softmax(logits, beside a sink)": "weights = softmax(logits，连同一个 sink)",
    "∂loss / ∂output": "∂损失 / ∂output",
    "1, of the loss Σ output": "1，损失是 Σ output",
    "−Σ weight of the sink · rowsum(weights ∘ d_weights)": "−Σ sink 的权重 · rowsum(weights ∘ d_weights)",
    "Σ d_a′·a + d_b′·b, (a, b) turned to (a′, b′)": "Σ d_a′·a + d_b′·b，(a, b) 旋转后是 (a′, b′)",
    "Σ d_b′·a − d_a′·b, (a, b) turned to (a′, b′)": "Σ d_b′·a − d_a′·b，(a, b) 旋转后是 (a′, b′)",
    "d_logits, summed over what it is added to": "d_logits，沿广播的各轴求和",
    "{made}, summed over {count} query heads": "{made}，对 {count} 个查询头求和",
    "{made}, turned back": "{made}，再转回去",
    "{made}, back through the norm": "{made}，再经归一化反传",
    "{made}, put back into the pages": "{made}，再放回各页",
    # 哪一项、哪个头
    "{fact}, {facts}": "{fact}，{facts}",
    "batch {batch} of {batches}": "批次第 {batch} 项（共 {batches} 项）",
    "head {head} of {heads}": "头 {head}（共 {heads} 个）",
    "key head {head} of {heads}": "键头 {head}（共 {heads} 个）",
    "all heads": "所有的头",
    # 位数更少的缓存改变了什么
    "what {kept} changes, in the query of each head": "{kept} 改变了什么：每个头的那一个查询",
    "what {kept} changes, in all {count} queries of each head": "{kept} 改变了什么：每个头的全部 {count} 个查询",
    "what {kept} changes, in {seen} of {count} queries of each head": (
        "{kept} 改变了什么：每个头的 {count} 个查询中的 {seen} 个"
    ),
    "head {head}": "头 {head}",
    "batch {batch}, head {head}": "第 {batch} 项，头 {head}",
    "together": "合计",
    "max": "最大",
    "max KL": "最大 KL",
    "first key": "首键变化",
    "output of the layer: error {share} of what it is": "这一层的输出：相对误差 {share}",
    (
        "key, value, output: error as a share of what they are; logits: error, root mean square; KL: Kullback-Leibler "
        "divergence of the weights in nats, mean; first key: share of queries of which another key has the most weight"
    ): (
        "key、value、output：相对误差；logits：误差的均方根，“最大”是其中最大的误差；KL：权重的 KL 散度（单位 nat）的平均值；"
        "首键变化：权重最大的键与原来不同的查询所占的比例"
    ),
}
