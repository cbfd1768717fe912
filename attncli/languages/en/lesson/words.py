"""English: what every lesson says, and how it names what it speaks of."""

WORDS = {
    "title": "Attention, step by step",
    "intro": (
        "Each query asks a question of every key; the better a key answers, the more of its value goes into the "
        "output. Three steps: score, softmax, weighted sum. Here {queries} {queries_word} {meet_word} {keys} "
        "{keys_word} with {features}{where}, in {dtype}."
    ),
    "query_word": "query",
    "queries_word": "queries",
    "meets_word": "meets",
    "meet_word": "meet",
    "key_word": "key",
    "keys_word": "keys",
    "features": "{query} {word} each",
    "feature_word": "feature",
    "features_word": "features",
    "features_apart": "{query} and {key} features",
    "where": " ({places}, counted from 0)",
    "where_join": ", ",
    "where_batch": "batch item {batch} of {batches}",
    "where_head": "head {head} of {heads}",
    "group": " Query head {head} reads key head {key_head}: each key head serves {group} consecutive query heads.",
    "shapes": "Shapes: {text}",
    "notice": "Notice in these numbers",
    "list_join": ", ",
    "ranked": "{label} ({weight})",
    "the_query": "query {index}",
    "the_key": "key {index}",
    "labelled": "{what} “{label}”",
    "word_query": "query",
    "word_key": "key",
    "word_value": "value",
}
