"""中文：随程序附带的样例。Chinese: the titles of the samples, in the list of `attn inspect sample:`."""

TITLES = {
    "additive": "加性打分 v_a·tanh(q·W_a + k·U_a)：解码器的每一步都找到对应位置上的词",
    "alibi": "ALiBi：所有查询和键都相同时，只有距离起作用；头 0 看近处，头 3 看远处",
    "article": "隐藏状态的加权和：一个查询遇到两个状态，状态按列存放",
    "bias": "相对位置偏置，如 T5：得分不缩放，每个距离加上一个学到的数",
    "coreference": "“它”是谁？句子编码器把代词连到那只动物上（头 1）",
    "cosine": "余弦打分：只看方向，不看长度；第三个键是第一个键的十倍",
    "decode": "文本生成的一步：最新的词元面对整个缓存（头 3 看 Italy，头 5 看 Paris）",
    "documents": "三句话拼成一行：每个词元只看得到自己的句子，也看不到后面",
    "encoder": "一个句子编码器的所有层：第 0 层的头 2 看前一个词元，其余的头大多停在 [CLS] 上",
    "general": "双线性打分 q·W_a·k：W_a 把所问的变成键里所有的；这里它交换颜色与形状",
    "graph": "在哪个洲？头 1 中，法属圭亚那越过欧元和法语，看向它的邻国",
    "image": "一个手写的 8：头 1 中，类别词元看向使它有别于 9 的那一笔",
    "induction": "归纳：最后一个 Mrs 寻找第一个 Mrs 后面的词（头 6）",
    "layer": "完整的一层：d 对应哪个数字？经过训练，两个头去查到答案",
    "left-padded": "左侧填充的一批：填充只看到自己，位置从第一个真正的词元数起",
    "ocr": "读出图中的一个词：图像的各列互相关注",
    "padding": "两句话组成的一批，各头并排存放：第二句有三个键，其余是填充",
    "port": "移植样例 induction 的那一层时，键头重复的次序弄错了",
    "reaction": "酯化反应：头 5 从产物的原子回到反应物",
    "recommender": "接下来看什么？每部电影询问之前看过的电影，找到同一类型的",
    "roles": (
        "谁对谁做了什么：头 0 中，施事、受事、接受者和时间的每个词都看向自己的谓语 sent 或 painted；头 1 中，没有角色的词（例如 by）看向句号"
    ),
    "rotary": "带缓存的旋转位置：两个缓存的键已经旋转过，然后是最新的词元",
    "sentiment": "这篇评论是褒是贬？一个学到的查询汇总所有的词，找到起决定作用的：not（bad at all）和 wonderful，而不理会 but 之前的内容",
    "speech": "语音转文字：每个词是什么时候说出的（头 0 到 4 的平均随时间推进）",
    "translation": (
        "英译法：每个法语词看向的英语词（chat gris 来自 grey cat，les regarde 来自 looks at them，ne 和 jamais 都来自 never）"
    ),
    "transliteration": "用拉丁字母拼写一个名字：每一步看哪个阿拉伯字母（Nour）",
    "window": "局部注意力：窗口向后两个词元，有 softcap，还有一个汇（sink）留给什么也没找到的查询",
}

SAMPLES = {f"sample_{name}": title for name, title in TITLES.items()}
