"""English: the sentences of the lesson about the way back."""

BACKWARD = {
    "back_heading": "The way back · Gradients: what each number does to the loss",
    "back_purpose": (
        "Training asks of every number: if it were a little larger, how much larger would the loss be? The answer is its "
        "gradient. Of the loss, attention has to be told one thing only, the gradient of its output, d_output. The chain "
        "rule leads from there back through the steps, the last one first, to the gradients of the weights, the logits, "
        "and at last query, key and value."
    ),
    "back_given": "Here d_output is given.",
    "back_ones": "Here no d_output is given, so it is all ones: the loss is the sum of the output.",
    "back_context": (
        "What comes after the weighted sums of this head, the context, leads d_output back to d_context first; from there "
        "on, context is to the head what an output is."
    ),
    "back_sum": (
        "Back through the weighted sum. The sum is Σ weight · value, so a weight counts as much as its value goes along "
        "with d_output: the gradient of a weight is the dot product of the two. It says what more of this value would do "
        "to the loss. The value, for its part, gets the gradient of the sum, times its weight."
    ),
    "back_jacobian": (
        "Back through softmax. A logit changes all weights of its row, because they go on summing to 1: raising logit j "
        "raises its own weight by w·(1 − w), and takes from every other weight in proportion to it. These slopes are a "
        "matrix for each row, the Jacobian, with s for the logits and [k = j] for 1 if k is j and 0 if not:"
    ),
    "back_jacobian_sink": (
        "Back through softmax. A logit changes all weights of its row, because they and that of the sink go on summing to "
        "1: raising logit j raises its own weight by w·(1 − w), and takes from every other weight, the sink's too, in "
        "proportion to it. These slopes are a matrix for each row, the Jacobian, with s for the logits and [k = j] for 1 "
        "if k is j and 0 if not:"
    ),
    "back_collapse": (
        "This matrix never has to be made. The chain rule adds up, over the row, each weight's gradient times its slope. The "
        "part with [k = j] leaves one term, d_weightsⱼ · wⱼ. In the other part wⱼ can be taken out of the sum, and what "
        "remains is the same for every j: one number for the whole row, δ = Σₖ wₖ · d_weightsₖ, the average gradient of "
        "its weights."
    ),
    "back_delta_is": (
        "δ needs no weights either. Each d_weightsₖ is d_{sums} · vₖ, so the average of these products is the product with "
        "the average value, and that is what the head has put out: δ = d_{sums} · {sums}. It is one sum for each row, "
        "however many keys there are."
    ),
    "back_papers": (
        "Papers write it dS = P ∘ (dP − rowsum(dO ∘ O)). In words: the gradient of a logit is how much more, or less, its "
        "value would do to the loss than what the query gets anyway, times the weight that it has."
    ),
    "back_score_dot": (
        "Back through the score. The slope of scale · q·k is scale · k for the query and scale · q for the key. So each "
        "query collects the keys, and each key the queries, weighted with the gradients of their scores:"
    ),
    "back_score_cosine": (
        "Back through the score. A cosine does not change with the lengths of its vectors, so only what is across a vector "
        "is left of its gradient, divided by its length; the query's points to the key, and the key's to the query."
    ),
    "back_score_general": (
        "Back through the score. The slope of scale · q·W_a·k is scale · W_a·k for the query, scale · q·W_a for the key, and "
        "scale times all products of their features for W_a."
    ),
    "back_score_additive": (
        "Back through the score. tanh has the slope 1 − tanh², which is near 0 where the sum is large either way; what it "
        "lets through of v_a goes to the query through W_a and to the key through U_a."
    ),
    "back_element": "Worked out for the logit of {row} and {column}:",
    "back_out": "from d_output = {given}, through the rows of W_o of head {head}: {total}",
    "back_gate": "times σ(gate) = {open}: d_context = {total}",
    "back_weight": "d_weight = d_{sums} · value = {terms} = {total}",
    "back_value": "to the value, from this query: weight × d_{sums} = {weight} × {given} = {share}",
    "back_delta": "δ = d_{sums} · {sums} = {terms} = {total}",
    "back_logit": (
        "d_logit = weight × (d_weight − δ) = {weight} × ({given} − {delta}) = {weight} × {difference} = {total}"
    ),
    "back_long_way": "the long way, row {key} of diag(w) − w·wᵀ times d_weights: {slopes} · {given} = {total}",
    "back_lost": (
        "that little is lost in {dtype}, whose digits cannot tell d_weight and δ apart: in the table it is {found}"
    ),
    "back_check": (
        "The same without calculus: move this logit a little up and down, go forward again in float64, and see how far the "
        "loss moves, Σ d_output · output:"
    ),
    "finite_loss": "logit {sign} {step}: loss {total}",
    "finite_quotient": (
        "difference / {both} = {quotient}, within {apart} of d_logit (rounding in {dtype}, and a step that is not "
        "infinitely small, explain up to {allowed})"
    ),
    "finite_none": "not here: the loss leaves the range of float64",
    "finite_closed": "the logit is −∞, and a little more or less of it is −∞ again: the loss does not move",
    "back_onward": "What goes on from there:",
    "back_closed": (
        "the key is closed to this query: its weight is 0 and stays 0 whatever its score is, so d_logit = 0 × (d_weight − "
        "δ) = 0 exactly, and neither query nor key nor value gets anything from it"
    ),
    "back_empty": (
        "{row} may attend to nothing: its output is 0 whatever its logits are, so all gradients of its row are 0."
    ),
    "back_added": "{names}: what is added to a score leaves its gradient as it is",
    "back_cap": (
        "back through softcap: d_score = d_logit × (1 − tanh²({score} / {cap})) = {given} × {slope} = {total}"
    ),
    "back_query": "to the query, from this key: d_score × slope = {given} × {slope} = {share}",
    "back_key": "to the key, from this query: d_score × slope = {given} × {slope} = {share}",
    "back_all_keys": "to the query, from all keys together: {total}",
    "back_through_rotation": "turned back by the angle of the query's position: d_query = {total}",
    "back_through_norm": "back through the norm: d_query = {total}",
    "back_through_both": "back through the norm, and turned back by the angle of the query's position: d_query = {total}",
    "table_d_weights": "d_weights, the element above marked; 0 where a key is closed",
    "table_d_logits": "d_logits, the element above marked",
    "table_d_scores": "d_scores: what softcap lets through, the element above marked",
    "table_d_query": "d_query, from all keys",
    "back_most": (
        "Raising the logit of {up} would raise the loss most, by {most} for each unit; raising that of {down} would lower "
        "it most, by {least}. A step down the gradient takes attention from the one and gives it to the other."
    ),
    "back_sum_of_row": (
        "The gradients of the row add up to 0 but for rounding: softmax sees only differences, so to raise all logits "
        "together changes nothing."
    ),
    "back_sink": (
        "The sink's value is 0, so only δ is left for its logit: −weight × δ = −{weight} × {delta} = {total} from this row. "
        "With it the gradients of the row add up to 0 but for rounding: to raise all logits and the sink together changes "
        "nothing."
    ),
    "back_saturated": (
        "Softmax is saturated in this row: {best} has the weight {weight}, and the largest w·(1 − w) is {slope}, where "
        "0.25 is possible. Without their signs the gradients of the logits add up to {arrived}; if all open keys had the "
        "same weight, they would add up to {even}. A share of {share} of the gradient is left."
    ),
    "back_not_saturated": (
        "Softmax is not saturated in this row: the largest w·(1 − w) is {slope}, where 0.25 is possible. Without their "
        "signs the gradients of the logits add up to {arrived}; if all open keys had the same weight, they would add up to {even}."
    ),
    "back_why": (
        "Why saturation stops learning: δ contains the key's own share, so that d_weight − δ is (1 − w) times what sets "
        "the key apart from the average of all others, and d_logit = w·(1 − w) × (d_weight − average of the others) = "
        "{weight} × {rest} × ({own} − {others}) = {slope} × ({own} − {others}) = {total}. Where w is near 1 or near 0 that "
        "is next to nothing, however wrong the row is."
    ),
    "back_only_key": (
        "There is only one open key. Its weight is 1 whatever its logit is, so the gradient of the logit is 0, and only "
        "the value learns from this row."
    ),
    "back_same": (
        "All open keys have the same d_weight, {given}: to the loss one value is worth as much as another, so it does not "
        "matter where the query looks, and all gradients of the logits are 0 but for rounding."
    ),
    "back_closed_count": (
        "{closed} of {keys} keys are closed to {row}. Their gradients are exactly 0: nothing leaks back from behind a mask, "
        "not even NaN or ∞."
    ),
    "back_cap_least": (
        "Softcap lets least of the gradient through at {key}, whose score is {score}: 1 − tanh² is {slope} there. Scores "
        "far beyond the cap learn nothing, as those of a saturated softmax do."
    ),
    "back_scale": "The scale {scale} comes in once more on the way back: it is a factor of both d_query and d_key.",
    "back_norm": (
        "Before that, query and key were normalised. The norm takes out of a gradient the part along the vector, since a "
        "longer vector would come out the same, and divides the rest by the size that the vector had."
    ),
    "back_group": (
        "A key and a value hear from all queries, and key head {key_head} serves {group} query heads: d_key and d_value are "
        "the sums over all queries of all {group} heads."
    ),
    "back_queries": "A key and a value hear from all queries: d_key and d_value are the sums of what each query gives.",
    "back_matrices": (
        "Query, key and value were made of x by matrices. Each matrix gets xᵀ times the gradient of what it made, summed over "
        "all tokens, and x gets the gradients of all three, each times its matrix turned over."
    ),
    "back_hidden": (
        "The hidden states have several parts at once ({parts}): d_hidden is the sum of what they get in each of them."
    ),
}
