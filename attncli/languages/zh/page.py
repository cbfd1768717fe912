"""Chinese: the words of the page to look around in."""

PAGE = {
    "title": "注意力",
    "no_script": "这里本来是热图。热图由本文件中的脚本绘制，而当前浏览器不运行脚本。",
    "head": "头",
    "head_of": "{head}（共 {heads} 个，从 0 数起）",
    "step": "步骤",
    "step_scores": "得分",
    "step_capped": "softcap 之后",
    "step_logits": "logit",
    "step_weights": "权重",
    "step_weighted": "权重 × |值|",
    "find": "查找",
    "found": "{count} 处",
    "theme": "浅色／深色",
    "map": "热图：用方向键移动，Enter 选定查询",
    "lines": "选中的查询，以及它关注的键",
    "query": "查询 {label}",
    "key": "键 {label}",
    "status": "{query} → {key}：{step} {value}",
    "list_join": "，",
    "closed": "已屏蔽",
    "grey": "灰色：已屏蔽",
    "help": (
        "把指针移到格子上可以看数值；点击一个查询，可以看它关注哪些键。键盘：方向键移动，Enter 选定，[ 和 ] 切换头，"
        "1 到 {steps} 切换步骤，/ 查找。"
    ),
    "help_variants": (
        "把指针移到格子上可以看数值；点击一个查询，可以看它关注哪些键。键盘：方向键移动，Enter 选定，[ 和 ] 切换取值，"
        "1 到 {steps} 切换步骤，/ 查找。"
    ),
    "item": "批次共 {items} 项，这是第 {item} 项。",
    "mean": "每一格是 {down} × {across} 个数的平均，被屏蔽的键不计在内。",
    "digits": "数值保留三位有效数字。",
    "scale": "缩放（温度）",
    "as_given": "恢复原值",
    "scaled": "{scale}，原值的 {factor} 倍；温度 {temperature}",
    "row_facts": "查询 {query}：有效键数 {effective}，最大权重 {weight}，在键 {key} 上。",
    "photo": "图片，上面叠加选中的一行：用方向键移动，Enter 把图块选为查询",
    "photo_row": "查询 {query} 最关注 {keys}。",
    "red": "红色：不是数",
    "variants": "各个取值下的同一张热图，颜色的尺度相同：点击其中一张查看",
    "variant_facts": "有效键数 {effective}；{key} 的权重 {weight}",
    "features": "{query} 与 {key} 的得分由什么组成：{score}",
    "features_bars": "每个特征一根柱：向上表示增加得分，向下表示减少得分。指向一根柱，可以看到它增加多少，括号中是该处的查询和键。",
}
