"""中文：`attn bench`。Chinese: the table and the sentences of `attn bench`."""

BENCH = {
    "ms": "毫秒",
    "attn is": "耗时比",
    "of the limit": "占极限",
    "peak memory": "内存峰值",
    "{count} threads": "{count} 个线程",
    "plain attn": "attn 本身",
    "two products alone": "仅两次矩阵乘法",
    "seven products alone": "仅七次矩阵乘法",
    "{names} adds {share} to plain attn": "{names} 使 attn 的耗时增加 {share}",
    "{names} add {share} to plain attn": "{names} 使 attn 的耗时增加 {share}",
}
