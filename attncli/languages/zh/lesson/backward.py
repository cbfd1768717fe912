"""Chinese: the sentences of the lesson about the way back."""

BACKWARD = {
    "back_heading": "反向传播 · 梯度：每个数怎样影响损失",
    "back_purpose": (
        "训练时要问每一个数：把它稍微调大一点，损失会变化多少？这个变化率就是它的梯度。关于损失，注意力只需知道一件事："
        "损失对输出的梯度 d_output。从这里出发，链式法则从最后一步开始逐步往回推，依次得到权重、logit 的梯度，最后是查询、键和值的梯度。"
    ),
    "back_given": "这里的 d_output 是给定的。",
    "back_ones": "这里没有给出 d_output，所以全取 1：损失就是输出各元素之和。",
    "back_context": (
        "这个头的加权和（context）之后还有别的运算，所以先把 d_output 传回为 d_context；再往前，context 对这个头来说就相当于输出。"
    ),
    "back_sum": (
        "先穿过加权求和。加权和是 Σ 权重 · 值，所以值的方向与 d_output 越一致，它的权重对损失的影响就越大：权重的梯度是两者的点积，"
        "说明多取一点这个值，损失会变化多少。值的梯度则是加权和的梯度乘以它的权重。"
    ),
    "back_jacobian": (
        "再穿过 softmax。一行的权重之和始终为 1，所以一个 logit 会牵动整行权重：logit j 增大时，它自己的权重按 w·(1 − w) 的速率增大，"
        "其余权重则按各自的大小成比例减小。这些偏导数每行构成一个矩阵，即雅可比矩阵（Jacobian）；s 表示 logit，"
        "[k = j] 在 k 等于 j 时为 1，否则为 0："
    ),
    "back_jacobian_sink": (
        "再穿过 softmax。一行的权重连同汇的那一份，总和始终为 1，所以一个 logit 会牵动整行权重：logit j 增大时，它自己的权重按 w·(1 − w) "
        "的速率增大，其余权重（包括汇的）则按各自的大小成比例减小。这些偏导数每行构成一个矩阵，即雅可比矩阵（Jacobian）；"
        "s 表示 logit，[k = j] 在 k 等于 j 时为 1，否则为 0："
    ),
    "back_collapse": (
        "这个矩阵并不需要真的算出来。按链式法则，要对整行求和：每个权重的梯度乘以相应的偏导数。含 [k = j] 的部分只剩一项 "
        "d_weightsⱼ · wⱼ；另一部分里 wⱼ 可以提到求和号外面，剩下的和与 j 无关，整行共用一个数：δ = Σₖ wₖ · d_weightsₖ，"
        "也就是这一行权重梯度的加权平均。"
    ),
    "back_delta_is": (
        "连 δ 也不必由权重来算。每个 d_weightsₖ 都是 d_{sums} · vₖ，点积的平均等于与平均值的点积，而值的加权平均正是这个头的输出："
        "δ = d_{sums} · {sums}。不管有多少个键，每行只需求一次和。"
    ),
    "back_papers": (
        "论文里写作 dS = P ∘ (dP − rowsum(dO ∘ O))。换句话说：一个键的值对损失的作用，比查询现在得到的平均结果强多少或弱多少，"
        "再乘以它现有的权重，就是它的 logit 的梯度。"
    ),
    "back_score_dot": (
        "最后穿过打分。scale · q·k 对查询的偏导数是 scale · k，对键的偏导数是 scale · q。因此，每个查询以各得分的梯度为系数把键加起来，"
        "每个键则同样地把查询加起来："
    ),
    "back_score_cosine": (
        "最后穿过打分。余弦与向量的长度无关，所以梯度只剩下与向量垂直的部分，再除以向量的长度；查询的梯度指向键，键的梯度指向查询。"
    ),
    "back_score_general": (
        "最后穿过打分。scale · q·W_a·k 对查询的偏导数是 scale · W_a·k，对键是 scale · q·W_a，对 W_a 则是 scale 乘以两者各维的所有乘积。"
    ),
    "back_score_additive": (
        "最后穿过打分。tanh 的导数是 1 − tanh²，和的绝对值很大时接近 0；它让 v_a 通过的部分，经 W_a 传给查询，经 U_a 传给键。"
    ),
    "back_element": "以{row}和{column}的 logit 为例，完整计算一遍：",
    "back_out": "由 d_output = {given} 经 W_o 中属于头 {head} 的那几行传回：{total}",
    "back_gate": "乘以 σ(门控值) = {open}：d_context = {total}",
    "back_weight": "权重的梯度 = d_{sums} · 值 = {terms} = {total}",
    "back_value": "这个查询传给值的：权重 × d_{sums} = {weight} × {given} = {share}",
    "back_delta": "δ = d_{sums} · {sums} = {terms} = {total}",
    "back_logit": (
        "logit 的梯度 = 权重 × (权重的梯度 − δ) = {weight} × ({given} − {delta}) = {weight} × {difference} = {total}"
    ),
    "back_long_way": "绕远路：diag(w) − w·wᵀ 的第 {key} 行与 d_weights 的点积：{slopes} · {given} = {total}",
    "back_lost": "这么小的数在 {dtype} 中丢失了：它的位数不足以区分权重的梯度和 δ，所以表中是 {found}",
    "back_check": (
        "再用有限差分验证，不必求导：把这个 logit 上下各移一点，用 float64 重新前向计算，看损失 Σ d_output · output 变化多少："
    ),
    "finite_loss": "logit {sign} {step}：损失 {total}",
    "finite_quotient": (
        "差值 / {both} = {quotient}，与上面的梯度相差 {apart}（{dtype} 的舍入误差和有限的步长至多可解释 {allowed}）"
    ),
    "finite_none": "这里无法验证：损失超出了 float64 的范围",
    "finite_closed": "这个 logit 是 −∞，加减多少都还是 −∞，损失不变",
    "back_onward": "由此继续往回传：",
    "back_closed": (
        "这个键对查询屏蔽：不论得分多少，权重都是 0，所以 logit 的梯度 = 0 × (权重的梯度 − δ) = 0，分毫不差；"
        "查询、键和值都得不到任何梯度"
    ),
    "back_empty": "{row}没有可见的键：不论 logit 是多少，输出都是 0，所以这一行的梯度全是 0。",
    "back_added": "{names}：加到得分上的数不改变得分的梯度",
    "back_cap": (
        "穿过 softcap：得分的梯度 = logit 的梯度 × (1 − tanh²({score} / {cap})) = {given} × {slope} = {total}"
    ),
    "back_query": "这个键传给查询的：得分的梯度 × 偏导数 = {given} × {slope} = {share}",
    "back_key": "这个查询传给键的：得分的梯度 × 偏导数 = {given} × {slope} = {share}",
    "back_all_keys": "所有的键合起来传给查询的：{total}",
    "back_through_rotation": "按查询位置的角度转回去：d_query = {total}",
    "back_through_norm": "穿过归一化：d_query = {total}",
    "back_through_both": "穿过归一化，再按查询位置的角度转回去：d_query = {total}",
    "table_d_weights": "权重的梯度 d_weights，上面计算的那一个已标出；被屏蔽处为 0",
    "table_d_logits": "logit 的梯度 d_logits，上面计算的那一个已标出",
    "table_d_scores": "得分的梯度 d_scores（穿过 softcap 之后），上面计算的那一个已标出",
    "table_d_query": "查询的梯度 d_query，来自所有的键",
    "back_most": (
        "{up}的 logit 增大时，损失增大得最快，变化率是 {most}；{down}的 logit 增大时，损失减小得最快，变化率是 {least}。"
        "沿负梯度方向走一步，注意力就会从前者移向后者。"
    ),
    "back_sum_of_row": "这一行的梯度之和除去舍入误差是 0：softmax 只看差值，所有 logit 一起增大，结果不变。",
    "back_sink": (
        "汇的值是 0，所以它的 logit 只剩下 δ 的一项：这一行给它的梯度是 −权重 × δ = −{weight} × {delta} = {total}。"
        "连同它，这一行的梯度之和除去舍入误差是 0：所有 logit 连同汇一起增大，结果不变。"
    ),
    "back_saturated": (
        "softmax 在这一行已经饱和：{best}的权重是 {weight}，最大的 w·(1 − w) 只有 {slope}，而它最大可达 0.25。"
        "各 logit 梯度的绝对值之和是 {arrived}；假如所有可见的键权重相同，会是 {even}。梯度只剩下 {share} 这么一小部分。"
    ),
    "back_not_saturated": (
        "softmax 在这一行没有饱和：最大的 w·(1 − w) 是 {slope}（最大可达 0.25）。各 logit 梯度的绝对值之和是 {arrived}；"
        "假如所有可见的键权重相同，会是 {even}。"
    ),
    "back_why": (
        "饱和为什么学不动：δ 里含有这个键自己的一份，所以“权重的梯度 − δ”等于 (1 − w) 乘以它与其余各键平均的差距，"
        "于是 logit 的梯度 = w·(1 − w) × (权重的梯度 − 其余各键的平均) = {weight} × {rest} × ({own} − {others}) = "
        "{slope} × ({own} − {others}) = {total}。w 接近 1 或接近 0 时，它几乎为 0，不论这一行错得多离谱。"
    ),
    "back_only_key": "可见的键只有一个，不论 logit 多少，权重都是 1，所以 logit 的梯度是 0，这一行只有值能学到东西。",
    "back_same": (
        "所有可见的键，权重的梯度都是 {given}：对损失来说这些值没有差别，查询看哪一个都一样，所以各 logit 的梯度除去舍入误差都是 0。"
    ),
    "back_closed_count": (
        "{keys} 个键中有 {closed} 个对{row}屏蔽。它们的梯度严格为 0：掩码后面的东西不会漏回来，哪怕是 NaN 或 ∞。"
    ),
    "back_cap_least": (
        "softcap 在{key}处放行的梯度最少：得分是 {score}，1 − tanh² 是 {slope}。远远超出上限的得分什么也学不到，与饱和的 softmax 一样。"
    ),
    "back_scale": "缩放因子 {scale} 在返回的路上还要再乘一次：d_query 和 d_key 里都有它。",
    "back_norm": (
        "在此之前，查询和键做过归一化。向量变长，归一化的结果不变，所以归一化会去掉梯度中沿向量方向的部分，其余的再除以向量原来的大小。"
    ),
    "back_group": (
        "键和值收到所有查询传来的梯度，而键头 {key_head} 由 {group} 个查询头共用：d_key 和 d_value 是这 {group} 个头的所有查询之和。"
    ),
    "back_queries": "键和值收到所有查询传来的梯度：d_key 和 d_value 是各个查询传来的总和。",
    "back_matrices": (
        "查询、键和值是由 x 经矩阵得到的。每个矩阵的梯度是 xᵀ 乘以它所生成的向量的梯度，对所有词元求和；"
        "x 的梯度则是三者的梯度各乘以自己矩阵的转置，再相加。"
    ),
    "back_hidden": "隐藏状态同时充当{parts}：d_hidden 是它在各个角色中所得梯度之和。",
}
