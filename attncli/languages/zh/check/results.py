"""中文：`attn check` 对中间结果的说明。Chinese: what `attn check` says of results on the way."""

RESULTS = {
    "results_right": "正确：{names}",
    "first_result": "最先出错的是 {name}",
    "first_result_after": "最先出错的是 {name}；在它之前正确：{names}",
    "of_result": "{name} {what}",
    "result_excused": "{name}：{really}；后面的结果都正确，所以只是名称不同",
    "tolerance_of_results": "中间结果的容差：{tolerance}",
    "where_result": "{name} 的差异所在",
    "not_finite_array": "{kind}：期望的数组中有 {expected} 个，算得的数组中有 {computed} 个",
    # 怎样比较。
    "result_note_fill": "被屏蔽的键在那边是 {number}，在这里是 −∞，含义相同",
    "result_note_masked": "其中 {number} 个键已经被屏蔽，而这里要到后面才屏蔽；这些没有比较",
    "result_note_repeated": "它的每个键头重复了 {count} 次，每个查询头一份，已按此比较",
    "result_note_new_only": "它不含缓存里的 {count} 个键，已不计这些键进行比较",
    "result_note_stands_for": "这里没有哪一步产生 {name}：与 {other} 比较",
    "result_really": "它就是这里所说的 {name}",
    "result_really_unscaled": "它是乘以缩放因子之前的查询与键的乘积",
    "result_really_base_2": "它是以 2 为底的对数，不是自然对数",
    # 原因。
    "search_between": "{right} 正确，{wrong} 出错：在两者之间查找",
    "search_up_to": "{wrong} 出错，之前没有已知正确的结果：从头查到这一步",
    "unexplained_result": "会在这里显现的已知错误，无论单独一个还是两个并存，都得不出这样的 {name}。",
    "no_recipe": "{name} 之前没有已知的错误可查：请检查产生它的矩阵、偏置和归一化。",
    "result_throughout": "{name} 处处是{what}：没有写入，或没有可见的键",
    "explains_output": "这也解释了输出。",
    "output_follows": "输出正是由这些权重得出的：后面没有别的错误。",
    "more_in_output": "这不能解释输出：后面还有别的错误。",
    "fact_cells_closed": "有 {count} 个键在这里可见，在那边被屏蔽；第一处：查询 {query}，键 {place}",
    "fact_cells_open": "有 {count} 个键在这里被屏蔽，在那边可见；第一处：查询 {query}，键 {place}",
    "fact_sums_of_weights": "不同的各行权重之和是 {sums}，应当是 1",
}
