"""English: the three steps: score, with its scale and softcap, softmax and weighted sum."""

STEPS = {
    "pages_purpose": "Keys and values lie in pages of {size} keys, in pools that all batch items share; block_table names the pages of each item in their order. That says only where the numbers lie: what is computed is the same.",
    "pages_key": "{key} is number {at} of page {page}, which block_table names at place {place} (all counted from 0)",
    "score_heading": "Step 1 · Score: how well does each key answer each query?",
    "score_purpose_dot": (
        "The score of a query and a key is their dot product: multiply feature by feature and add up. It is large "
        "and positive where both point the same way, near 0 where they have nothing to do with each other, negative "
        "where they point apart. Longer vectors give larger scores."
    ),
    "scale_none": "No scale is applied: the scores stay what the score function makes them.",
    "scale_sqrt": (
        "The scale is 1/√d = 1/√{features} = {factor}. The dot product of d independent features of variance 1 has "
        "variance d; dividing by √d brings it back to 1, whatever d is, so that softmax does not saturate."
    ),
    "scale_number": "Every score is multiplied by the scale {factor}{as_sqrt}.",
    "as_sqrt": ", which is 1/√{features}",
    "score_element": "Worked out for {row} and {column}:",
    "product_sum": "query · key = {terms} = {total}",
    "more_terms": "({count} more products, {total} together)",
    "scaled": "score = {scale} × {total} = {score}",
    "scaled_by_query": "this query has a factor of its own: {scale} × {total} = {score}",
    "score_purpose_cosine": (
        "The score of a query and a key is the cosine of the angle between them: 1 where both point the same way, 0 at a "
        "right angle, −1 where they are opposed. Their lengths do not matter."
    ),
    "score_purpose_general": (
        "The score of a query and a key is q·W_a·k: the learned matrix W_a turns the query into what a key should look like, "
        "and the dot product measures how well this key does."
    ),
    "score_purpose_additive": (
        "The score of a query and a key comes from a small network: both are projected into the same space and added, "
        "bent by tanh to between −1 and 1, and weighed with the learned vector v_a. Query and key need not be of the same "
        "size."
    ),
    "cosine": "cos = {product} / ({query} × {key}) = {total}, the product of the lengths |q| and |k| divided out",
    "projected": "{what} = {numbers}",
    "additive_sum": "v_a · tanh(…) = {terms} = {total}",
    "softcapped": "capped = {cap} · tanh({score} / {cap}) = {capped}",
    "softcap_most": (
        "Softcap changes large scores most: that of {key} from {before} to {after}. Scores near 0 stay nearly what they "
        "are."
    ),
    "table_scores": "scores, the element above marked",
    "table_weights": "weights, the element above marked",
    "table_output": "output, the element above marked",
    "score_best": "{row} scores highest with {best}: {score}.",
    "logit_best": "Of the keys that {row} may look at, {best} has the largest logit: {score}.",
    "score_gap": (
        "The next best is {second} with {score}. Softmax sees only differences: {gap} more means a weight e^{gap} = "
        "{ratio} times as large."
    ),
    "score_gap_tie": "{second} has exactly the same, so the two get the same weight.",
    "closed_count": "{closed} of {keys} keys are closed to {row}; it chooses among {open}.",
    "softmax_heading": "Step 2 · Softmax: from logits to weights",
    "softmax_purpose": (
        "Softmax turns the logits of a row, its scores after masks and biases, into positive weights that sum to 1. The "
        "exponential makes all of them positive and differences into ratios; dividing by the sum makes shares of them. "
        "Each row stands for itself. The row's maximum is subtracted first: it cancels in the quotient, and no "
        "exponential can overflow."
    ),
    "softmax_purpose_sink": (
        "Softmax turns the logits of a row, its scores after masks and biases, into positive weights that, with what a "
        "sink takes, sum to 1. The exponential makes all of them positive and differences into ratios; dividing by the "
        "sum makes shares of them. Each row stands for itself. The largest logit is subtracted first: it cancels in the "
        "quotient, and no exponential can overflow."
    ),
    "softmax_element": "Worked out for {row} and {column}:",
    "softmax_peak": "largest logit of the row: m = {peak}",
    "softmax_numerator": "exp(logit − m) = exp({logit} − {peak}) = {numerator}",
    "softmax_total": "sum of the row's exponentials = {terms} = {total}",
    "more_exponentials": "({count} more, {total} together)",
    "softmax_quotient": "weight = {numerator} / {total} = {weight}",
    "softmax_empty": "{row} may attend to nothing: every logit of its row is −∞. Its weights are 0 by definition.",
    "not_a_number": (
        "The row of {row} holds NaN or ∞, from NaN or ∞ in the input or from products beyond the range of the numbers; "
        "nothing can be said of it."
    ),
    "sink_purpose": (
        "This head has a sink: one more key with the logit {sink} and the value 0. It takes its share of the weight and "
        "gives nothing for it, so that a query which finds nothing need not attend to anything."
    ),
    "softmax_peak_sink": "largest logit of the row, the sink included: m = {peak}",
    "softmax_sink": "and the sink's: exp({sink} − {peak}) = {drain}, together {total}",
    "sink_takes": "The sink takes {sink} of the weight of this row; the keys share the other {rest}.",
    "sink_shrinks": "The weights sum to {rest}, not to 1: the output is that much shorter than an average of the values.",
    "most_weight": "{row} gives most weight to {ranking}.",
    "effective": (
        "Effective number of keys that share the weight of this row: {effective}, of {open} open ones (the "
        "exponential of the entropy: 1 if one key takes all, {open} if all take the same)."
    ),
    "saturated": (
        "Softmax is saturated here: {best} takes {weight}. The output hardly differs from that one value, and the "
        "gradient with respect to its logit, w·(1−w), is {gradient}: such a row learns next to nothing."
    ),
    "not_saturated": (
        "Softmax is not saturated: the largest weight is {weight}, and the gradient with respect to its logit, "
        "w·(1−w), is {gradient} (it is largest, 0.25, at w = 0.5)."
    ),
    "only_key": "There is only one open key, so its weight is 1 whatever its score.",
    "naive_overflow": (
        "Without the maximum subtracted, exp({peak}) would be ∞ in {dtype} (the largest exponent that fits is "
        "{limit}), and ∞/∞ is NaN: the row would be lost."
    ),
    "naive_underflow": (
        "Without the maximum subtracted, every exponential of the row would be 0 in {dtype} (even exp({peak})), and "
        "0/0 is NaN: the row would be lost."
    ),
    "naive_fits": (
        "Without the maximum subtracted the weights would be the same here: exp({peak}) = {exponential} fits "
        "{dtype}, whose largest exponent is {limit}."
    ),
    "naive_fits_not_float32": " In float32 it would not: there the largest exponent is {limit}.",
    "sharpest": (
        "Of the rows shown, {sharp} is the most decided (effective keys: {few}) and {flat} the most evenly "
        "spread ({many})."
    ),
    "word_output": "output",
    "word_context": "context",
    "sum_heading": "Step 3 · Weighted sum: mix the values",
    "sum_purpose": (
        "Each {what} row is the average of the value rows, weighted with the row's weights. It always lies between "
        "the values that it mixes: attention moves information about, it does not invent any."
    ),
    "sum_purpose_sink": (
        "Each {what} row is the sum of the value rows, each times its weight. The weights of a row sum to less than 1, "
        "since the sink has its share and brings no value: the {what} is an average of the values, made shorter by that "
        "share."
    ),
    "sum_element": "Worked out for {row}, {what} column {column}:",
    "sum_terms": "Σ weight · value = {terms} = {total}",
    "sum_empty": "{row} may attend to nothing, so its {what} is 0.",
    "share": "{best} contributes {share} of the weight, the three with most weight together {three}.",
    "is_one": "The {what} of {row} is exactly the value of {best}.",
    "near_one": "The {what} of {row} is very nearly the value of {best}: they differ by at most {difference}.",
    "mean_distance": (
        "Had every open key the same weight, the {what} would be their mean; the worked element would be {mean} "
        "instead of {value}."
    ),
    "masked_values": "The value of a closed key has weight 0 and contributes nothing, not even NaN or ∞.",
}
