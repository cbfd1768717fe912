"""Chinese: the words of the page to look around in."""

PAGE = {
    "title": "注意力",
    "no_script": "下面的图由本文件中的脚本绘制，而这个浏览器没有运行脚本。",
    "head": "头",
    "head_of": "{head} ／ {heads}",
    "step": "步骤",
    "find": "查找",
    "found": "{count} 处",
    "theme": "浅色／深色",
    "map": "热图：方向键移动，Enter 选定查询",
    "lines": "选中的查询，以及它关注的键",
    "query": "查询 {label}",
    "key": "键 {label}",
    "closed": "被挡住",
    "grey": "灰色：被挡住",
    "help": (
        "把指针放到格子上看数值；点一个查询，看它把注意力放在哪里。键盘：方向键移动，Enter 选定，[ 和 ] 换头，"
        "1 到 {steps} 换步骤，/ 查找。"
    ),
    "item": "批次第 {item} 项，共 {items} 项。",
    "mean": "每一格是 {down} × {across} 个数的平均，被挡住的键不计在内。",
    "digits": "数值保留三位。",
}
