"""中文：热图与柱图旁的文字。Chinese: what stands beside maps and bars."""

PLOT = {
    "query": "查询",
    "key": "键",
    "feature": "特征",
    "adds": "贡献",
    "feature (counted from 0)": "特征（从 0 数起）",
    "batch {batch}": "第 {batch} 项",
    "head {head} of {heads} (counted from 0)": "头 {head}（共 {heads} 个，从 0 数起）",
    "batch {batch} of {batches} (counted from 0)": "批次第 {batch} 项（共 {batches} 项，从 0 数起）",
    "batch {batch} of {batches}, head {head} of {heads} (counted from 0)": (
        "批次第 {batch} 项（共 {batches} 项），头 {head}（共 {heads} 个），都从 0 数起"
    ),
    "{caption}; batch items and heads are counted from 0": "{caption}；批次的各项和头都从 0 数起",
    "{caption}; batch items are counted from 0": "{caption}；批次的各项从 0 数起",
    "{caption}; heads are counted from 0": "{caption}；头从 0 数起",
    "{title}, {where}": "{title}，{where}",
    "query {index}": "查询 {index}",
    "query {index} “{label}”": "查询 {index}“{label}”",
    "key {index}": "键 {index}",
    "key {index} “{label}”": "键 {index}“{label}”",
    # 图注
    "{kind}, {queries} × {keys}": "{kind}，{queries} × {keys}",
    "1 query": "1 个查询",
    "{count} queries": "{count} 个查询",
    "1 key": "1 个键",
    "{count} keys": "{count} 个键",
    "{caption}; each cell is the mean of {down} × {across}": "{caption}；每格是 {down} × {across} 个数的平均",
    "{caption}; each cell is the mean of {down} × {across}, closed keys left out": (
        "{caption}；每格是 {down} × {across} 个数的平均，不计被屏蔽的键"
    ),
    "queries go down, keys across": "行是查询，列是键",
    "closed": "已屏蔽",
    "no number": "不是数",
    "{sign} closed": "{sign} 已屏蔽",
    "{sign} no number": "{sign} 不是数",
    # 一个得分由哪些特征组成
    "score of {query} and {key}: {score}, the sum over {count} features of {formula}": (
        "{query}与{key}的得分：{score}，即 {count} 个特征的 {formula} 之和"
    ),
    "the other {count} features add {rest}": "其余 {count} 个特征共贡献 {rest}",
    # 叠加在图片上
    "{kind} of {query} on {down} × {across} patches": "{query}在 {down} × {across} 个图块上的 {kind}",
    "beside the patches: {keys}": "图块之外：{keys}",
    "{name} closed": "{name} 已屏蔽",
}
