"""Chinese: what every lesson says, and how it names what it speaks of."""

WORDS = {
    "title": "逐步看懂注意力",
    "intro": (
        "注意力让每个查询（query）与所有的键（key）逐一比对，哪个键越匹配，它的值（value）在输出中的分量就越大。计算分三步："
        "打分、softmax、加权求和。这里有 {queries} 个{queries_word}、{keys} 个{keys_word}{meet_word}，{features}"
        "{where}，用 {dtype} 计算。"
    ),
    "query_word": "查询",
    "queries_word": "查询",
    "meets_word": "",
    "meet_word": "",
    "key_word": "键",
    "keys_word": "键",
    "features": "每个向量 {query} {word}",
    "feature_word": "维",
    "features_word": "维",
    "features_apart": "查询 {query} 维，键 {key} 维",
    "where": "（{places}；编号从 0 开始）",
    "where_join": "；",
    "where_batch": "批次共 {batches} 项，这是第 {batch} 项",
    "where_head": "共 {heads} 个头，这是第 {head} 个",
    "group": "查询头 {head} 使用键头 {key_head}：每个键头由相邻的 {group} 个查询头共用。",
    "shapes": "形状：{text}",
    "notice": "从这些数中能看出什么",
    "list_join": "、",
    "ranked": "{label}（{weight}）",
    "the_query": "查询 {index}",
    "the_key": "键 {index}",
    "labelled": "{what}“{label}”",
    "word_query": "查询",
    "word_key": "键",
    "word_value": "值",
}
