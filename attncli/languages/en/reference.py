"""English: headings and introductions of the reference; the rest of it stands in the declarations."""

REFERENCE = {
    "title": "Help",
    "intro": (
        "`attn help COMMAND` explains a command, `attn help TOPIC` a topic. `-f markdown` prints Markdown, `-o FILE` "
        "writes a file, and `--lang` chooses the language."
    ),
    "commands": "Commands",
    "command": "command",
    "group": "group",
    "does": "what it does",
    "topics": "Topics",
    "topic": "topic",
    "says": "what is explained",
    "topic_files": "What FILES means, several problems in a file, labels, standard input.",
    "topic_arrays": "Every array that files, flags and Python may give, with its shape.",
    "topic_options": "Every option of the computation, by stage.",
    "topic_results": "Steps, results, gradients, how JSON writes them, exit statuses.",
    "topic_formats": "Every format of files, and what it holds.",
    "topic_mistakes": "Every mistake that `attn check` knows by name, and how to fix it.",
    "topic_python": "The Python functions; how PyTorch, JAX and TensorFlow save their attention for `attn check`.",
    "title_files": "Files: what the commands read",
    "title_arrays": "Arrays: what is computed with",
    "title_options": "Options of the computation",
    "title_results": "Results: what comes back",
    "title_formats": "Formats of files",
    "title_mistakes": "Mistakes that attn check names",
    "title_python": "Python",
    "comma": ", ",
    "semicolon": "; ",
    "either": "{others} or {last}",
    "given": "given",
    "means": "meaning",
    "name": "name",
    "what": "what it is",
    "shape": "shape",
    "up_to": "up to",
    "axis": "letter",
    "flag": "flag",
    "formula": "formula",
    "parameters": "parameters",
    "step": "step",
    "stage": "stage",
    "makes": "makes",
    "status": "status",
    "format": "-f",
    "suffix": "files",
    "holds": "what one file holds",
    "bytes": "bytes",
    "text": "text",
    "binary": "binary",
    "needs": "needs",
    "files_intro": (
        "FILES is one file of named arrays, or one to three files of one matrix each. Anything else is named by a flag."
    ),
    "files_archive": "one {suffixes} file",
    "files_named": "named arrays, of one problem or several; `FILE:NAME` picks one",
    "files_given_1": "one {suffixes} file",
    "files_given_2": "two of these",
    "files_given_3": "three of these",
    "files_means_1": "one matrix; self-attention: {names} = it",
    "files_means_2": "{names}, in this order",
    "files_means_3": "{names}, in this order",
    "files_dash": "standard input",
    "files_typed": "the matrix itself, as JSON has it; the shell needs quotes around it",
    "files_sample": "a sample that comes with attn; `attn inspect sample:` lists them",
    "files_set": "sets or replaces one array",
    "files_list": "the numbers themselves, with commas between them",
    "files_shards": "the arrays of all files that it names, which lie in its folder",
    "files_weights": "the weights of a layer of a checkpoint, see below",
    "files_steps": (
        "`attn softmax` takes {softmax}, `attn sum` takes {sum}; both also take what the step before wrote, with "
        "everything in it."
    ),
    "files_picking": "One of several",
    "files_problems": (
        "An archive may hold several problems, such as all layers of a model: `decoder.3.query` is the query of the "
        "problem `decoder.3`, and a name without a problem before it belongs to all of them. Likewise, where `decoder.3` "
        "has no states of its own, `decoder.3.w_o` belongs to every problem below it, such as `decoder.3.step.1`. "
        "`FILE:decoder.3` picks one problem; `FILE:3` is enough where no other has that number. Without it `attn check` "
        "and `attn inspect` look at all problems, and the other commands at the first. Where a flag sets an array, "
        "`FILE:NAME` picks one array out of an archive, whatever its name there."
    ),
    "files_entries": "What stands in an archive",
    "files_arrays": (
        "Arrays have the names that `attn help arrays` lists. A name that nobody knows is an error, which offers the "
        "nearest known one. Beside the arrays may stand:"
    ),
    "entry_query_labels": "one text per query, such as its token; tables show it, and `--row` takes it",
    "entry_key_labels": "one text per key, likewise",
    "entry_labels": "both at once, where queries and keys are the same; each may be a list of lists, one per batch item",
    "entry_title": "a line that is shown above everything",
    "entry_source": "where the numbers come from, shown by `attn inspect`",
    "entry_probe": "what `attn probe` asks with this problem; `attn check` answers it from `expected`",
    "entry_dtype": "in JSON: the type of the numbers (default `float64`)",
    "entry_options": "an object of the flags of `attn help options`, without the dashes before them",
    "entry_show": (
        "what `attn plot`, `attn explain` and pages show where no flag says it: an object of `batch`, `head`, `row` and "
        '`col`, such as `{{"head": 1, "row": "it"}}`'
    ),
    "entry_cache_effect": "in the JSON of `attn compute --cache`: what the cache changes, by head; nothing reads it again",
    "entry_simulated": (
        "in the JSON of `attn compute --simulate`: the error of such a kernel, by stage; nothing reads it again"
    ),
    "files_layer": "A layer of a checkpoint",
    "files_layers": (
        "`--layer FILE:PREFIX` takes the weights of an attention layer by the names that its tensors have in models. "
        "FILE is a {suffixes} file, {index}, or the folder of a model; "
        "PREFIX is what stands before the names in this table, and without it they stand at the top level. Only the "
        "tensors that are used are read. Their names decide `--weights` and `--qkv`; the number of heads, the scale, "
        "the norm, the rotation and the mask stand in the model's configuration, and are given with flags. What a file "
        "holds replaces what the layer holds, and flags replace both. A pattern lists the layers that there are:"
    ),
    "files_tensors": "names, `.weight` after them where they do not end so",
    "files_decided": "how the matrices lie",
    "files_beside": "Biases are taken too, and where they are there: {names}.",
    "files_stdin": "Standard input",
    "files_sniffed": (
        "The format of what comes through a pipe is recognised by its first bytes; text that nothing recognises is "
        "{plain}. Where no file is given, standard input is read if it is a pipe or a file that holds something. `attn "
        "score`, `attn softmax` and `attn sum` each pass the whole problem on, so that together they give to the last "
        "digit what `attn compute` gives."
    ),
    "files_precedence": "Flags come before files",
    "files_flags": (
        "An array that a flag sets replaces the one in the file. An option on the command line replaces the one in the "
        "file's `options`, and `--no-causal` switches off what a file switches on. `attn inspect` says of each option "
        "where it was set."
    ),
    "arrays_intro": (
        "These names stand in archives and in Python. As flags they have `--` before them and `-` in place of `_`: "
        "`past_key` is `--past-key FILE`. Names behind the first are other names for the same in archives."
    ),
    "arrays_states": "Queries, keys and values",
    "arrays_shapes": (
        "They have 1 to 4 axes: 2 are (L, E), 3 are (heads, L, E), 4 are (batch, heads, L, E). A vector in gives a "
        "vector out. With `--heads` the last axis is packed: 2 axes are (L, heads·E), 3 are (batch, L, heads·E). `--layout` "
        "says that they lie otherwise: `bshd` is (batch, L, heads, E), `sbhd` (L, batch, heads, E) or packed (L, batch, "
        "heads·E), `thd` (tokens, heads, E) or (tokens, heads·E). It holds for all states, for the gate and for the "
        "output, and nothing is copied; pools of pages lie as `block_table` says, and masks and weights as ever."
    ),
    "arrays_stage": "Arrays of the stage {stage}",
    "arrays_masks": (
        "“Up to” means that each axis may also have the length 1, and that leading ones may be missing. A mask that is "
        "shorter than the keys closes those beyond its end. A matrix of a score function that is not given is the "
        "identity."
    ),
    "arrays_rules": (
        "A key is open to a query if all of these hold: it is before the length of its batch item; it is within the window; "
        "both are in the same document, and in the same chunk; it is among the indices; mask and bias open it; and there "
        "is no causal rule, or the key is not after the query, or it is before the prefix, or both are in the same block."
    ),
    "arrays_loss": "For gradients",
    "arrays_expected": "To compare with",
    "arrays_expected_results": (
        "What another program made of a result on the way has `expected_` before the name of the result: {names}."
    ),
    "arrays_expected_gradients": (
        "What another program made of a gradient has `expected_` before the name of the gradient: {names}."
    ),
    "arrays_axes": "The letters of the shapes",
    "options_intro": (
        "On the command line and, without the dashes, in the `options` of a file; in Python they are keywords with `_` "
        "in place of `-`. They stand in the order in which the stages are computed. `attn help COMMAND` has those that "
        "decide only what is shown."
    ),
    "options_scaling": (
        "The types of `--rope-scaling`: ω = θ^(−2i/D) is the frequency of pair i, θ the base, D how many features are "
        "turned, f the factor, L₀ the length that the model was trained on, L the largest position + 1. YaRN and longrope "
        "multiply cosine and sine by attention_factor; without it YaRN by 0.1·ln f + 1, or the ratio of two mscales, and "
        "longrope by √(1 + ln f/ln L₀). A file may hold the object of a config.json as it is: its `rope_theta`, "
        "`partial_rotary_factor` and `mrope_section` count too, unless options of their own say otherwise."
    ),
    "options_needs": " It has an effect only with {flags}.",
    "options_cache": (
        "TYPE:SCALES speaks of keys and values, key=TYPE:SCALES of keys alone. A scale is max|x| / largest code, symmetric "
        "and kept exactly: one for all heads of a batch item (`tensor`), for each head, for each feature over all tokens "
        "(`channel`), for each token of a head, or for N features of it (`groupN`, the last may be smaller); keys behind "
        "key_lengths have no part in it. A number goes to the nearest code, in the middle to the even one, and beyond the "
        "largest to that. `attn compute` and `attn check` say what it changes, head by head."
    ),
    "options_scales": "without SCALES",
    "options_largest": "largest code",
    "options_also": "also called",
    "options_several": "Several values of one option",
    "options_vary": (
        "`--vary OPTION=VALUE,VALUE,…` of `attn compute`, `attn explain` and `attn plot` puts up to {most} values of an "
        "option side by side, such as `--vary scale=none,sqrt,1/16`, and says what changes against the first one. It "
        "counts whatever else the file or the command line says of that option. `none` (or `off`) leaves an option out "
        "that is off by default, `--vary causal` is off and on. Semicolons separate values that hold commas, in quotes "
        "for the shell: `--vary 'window=none;3;2,0'`; without one, a text that the option would take as one value is "
        "refused."
    ),
    "options_end": (
        "What the ONNX operators Attention (opset 23 to 25) and RotaryEmbedding define means here what it means there. "
        "A query that may attend to nothing gets weights and output 0, with a notice. What lies behind a mask never "
        "leaks, not even NaN or ∞."
    ),
    "results_intro": "What `attn compute` shows and writes, what Python's `steps` returns, and what programs exit with.",
    "results_steps": "Steps and stages",
    "results_stages": (
        "`--step` asks for a step; a step is one stage or several. A stage that has nothing to do, such as cap without "
        "`--softcap`, makes nothing. `attn explain` has two more steps: `tiles`, the row in tiles, and `backward`, the "
        "gradients."
    ),
    "results_alias": " `{alias}` is another name for `{step}`.",
    "results_names": "Results",
    "results_one": (
        "Formats that hold one array ({formats}) carry the output, or what the one `--step` asked for: `score` gives the "
        "logits, `softmax` the weights. With packed heads scores, logits and weights have their heads apart, and the "
        "output is packed as the query is. The output lies as `--layout` says, every other result (batch, heads, …)."
    ),
    "results_large": (
        "Of more than {scores} scores, `attn compute` writes the output alone in the other formats for programs too, and "
        "says so: every other result would be as large as the scores. `--step` asks for them. The steps as filters always "
        "carry everything on. Text of more than {text} is announced before it is written, and what would not fit into "
        "memory is refused before it is begun; the limits of a container (cgroup) and of `ulimit` count too."
    ),
    "results_json": (
        "JSON is strict, and its numbers read back exactly. A closed logit, −∞, is `null`; other numbers that JSON lacks "
        'are `"NaN"`, `"Infinity"` and `"-Infinity"`.'
    ),
    "results_types": (
        "Results have the precision of the computation. Of float16 arrays, which are computed in float32, the output is "
        "float16 again; of bfloat16 and float8 arrays it is float32."
    ),
    "results_gradients": "Gradients",
    "results_grad": (
        "`attn grad` and Python's `gradients` lead `d_output`, the gradient of the loss with respect to the output, back "
        "to every array of real numbers that takes part. A gradient is called as what it is of, with `d_` before it, and "
        "has its shape, layout and type; whole numbers count as float64. Where one array plays several parts, as "
        "`hidden` does, their gradients are added. Behind a mask all is 0."
    ),
    "results_back": (
        "On the way back come {names}, of the shape of the scores, and then those of the arrays: {arrays}. `attn grad --step` "
        "takes these names. Of more than {scores} scores an archive holds those of the shape of the scores only if "
        "`--step` asks for them, and formats that hold one array need exactly one `--step`."
    ),
    "results_several": "Several values side by side",
    "results_vary": (
        "`attn compute --vary OPTION=VALUE,…` gives a record for each value in JSON: the value as it is typed, under the "
        "name of the option, with `_` in place of `-`; `output`; `effective_keys` and `largest_weight`, means over the "
        "queries that see something of all heads and batch items, or of those that `--head` and `--batch` choose; and "
        "`output_change`, the largest |difference| of a number of the output from that under the first value, null where "
        "the output has another shape. CSV and TSV hold the same without the output. `--step` chooses what the tables "
        "show (default: `softmax`, the weights)."
    ),
    "results_costs": "Cost",
    "results_cost": (
        "`attn cost -f json` gives `pairs` (`open`, `all`, and `tiled`: those in tiles of which one pair is open), "
        "`operations` by run and stage, `bytes` of the tensors of all layers, `cache`, `time` (null unless `--flops` and "
        "`--bandwidth`, or `--here`, say how fast the machine is) and `formulas`, the sum behind each number by its place. "
        "Numbers are those of all layers, sequences and heads; `per_token` and `bytes_per_key` are those of one sequence. "
        "`decode` is one step: the last token against the whole cache; `prefill` fills the cache at once. `backward` has "
        "the scores once more, `recompute`. `tokens_in_memory` are those of each sequence, null where any number fits. "
        "With `--vary` it is a list, each behind the value that varies. Lines of CSV are named by the same places."
    ),
    "results_masks": "Masks",
    "results_mask": (
        "`attn mask` gives booleans, true is open, in the axes (B, H, L, S) without those of length 1; an axis along which "
        "all masks are the same has length 1. Of two masks, A and B, it gives true where they differ, and JSON has what was "
        "found: `differ` cells, those that are open in `a` or `b` alone, and the name of the `difference`, null if none of "
        "these makes the one exactly of the other. It is looked for in the masks themselves, and where a file or a flag "
        "gives rules, in each of these."
    ),
    "difference": "difference",
    "results_stats": "What heads do",
    "results_measured": (
        "`attn stats` gives a record for each head, in JSON and CSV: {place}, and the numbers below, each a mean over the "
        "queries that see something. A number that no query has is null. A sink takes part only in what it leaves to the "
        "keys. Positions are those of the causal rule."
    ),
    "number": "number",
    "word": "word",
    "results_others": (
        "`--profile` gives for each head `distance`, how far a key is behind its query, with the mean `weight` and `logit` "
        "of the open keys there. `--rollout` gives `rollout`, (L, L): the product over the layers of half the mean of the "
        "weights over the heads and half the identity, with rows that add up to 1 (Abnar and Zuidema, 2020); in a file "
        "with `encoder.0`, `encoder.1` and so on these are the layers."
    ),
    "results_status": "Exit status",
    "status_done": "done",
    "status_different": "`attn check` or `attn mask` found a difference",
    "status_wrong": "the command line or the input is wrong",
    "status_interrupted": "interrupted",
    "results_errors": (
        "An error is one line on standard error, `attn: FILE: what is wrong`, with a line `hint:` where a fix is known. A "
        "closed pipe ends quietly. `ATTN_DEBUG=1` shows where in the code an error was raised."
    ),
    "formats_intro": (
        "`-f` names the format, `-o FILE` writes a file in place of standard output (`-o -`), never over an existing one "
        "without `--force`. Without `-f` a file has the format of its extension; an extension that names another one "
        "than `-f` is an error, but `{any_text}` may be any text. What is read is recognised by its extension, else by its first bytes."
    ),
    "formats_data": "Read and written",
    "formats_people": "Written for people to look at",
    "format_json": (
        "An object of the names in `attn help arrays`, or an array of numbers, which is one matrix. `dtype` is the type "
        "of the numbers, float64 if it is missing. In a mask `null` is −∞, and `1` a whole number where `1.0` is none; "
        '`"NaN"`, `"Infinity"` and `"-Infinity"` are numbers.'
    ),
    "format_csv": (
        "Commas, semicolons, tabs or blanks between numbers, or what a first line such as `sep=;` says; decimal commas "
        "beside semicolons and tabs; lines that begin with `#` before the table are comments; quotes, a byte order mark "
        "and any line ends. A header row and a column of labels become labels. An empty top left cell says that first row "
        "and column are labels even where they are numbers, and a first row 0, 1, 2, … above rows that are not whole "
        "numbers is a header. `--header` or `--no-header` and `--row-labels` or `--no-row-labels` decide in any case, for "
        "what is read and for what is written."
    ),
    "format_tsv": "The same, with tabs between the numbers.",
    "format_npy": "The file is mapped into memory, and so is an output that is streamed: both may be larger than memory.",
    "format_npz": (
        "Not compressed, it is mapped into memory, once its checksums have been compared. `options` is an array without "
        "axes that holds the object as JSON text."
    ),
    "format_safetensors": (
        "Texts are metadata; labels and options are metadata as JSON text. BF16 and F8 tensors are read too, and computed "
        "in float32."
    ),
    "format_zarr": (
        "A folder, or an address such as `s3://…` where fsspec knows it: a group of named arrays, or one "
        "array, which is one matrix. Groups in groups become parts of names, `a/b/query` that of `a.b`. Versions 3 and 2 "
        "are read, packed as ZIP too; version 3 is written, in chunks and shards (`--chunks`). Labels, texts and "
        "options are attributes. bfloat16 is written as float32. Codecs that run code and links are refused."
    ),
    "format_hdf5": (
        "Read, not written. Groups become parts of names, and attributes are labels, texts and options, as in Zarr. Links, "
        "and arrays whose numbers lie in other files, are refused."
    ),
    "formats_safe": (
        "Files that are mapped must not change before the command is done. Nothing is ever unpickled. Files of PyTorch, "
        "pandas, Excel and the like are refused with the command that converts them."
    ),
    "mistakes_intro": (
        "Where an expected output differs from the right one, `attn check` tries these mistakes in all their forms, alone "
        "and in pairs, and names what makes exactly that output. With `-f json` the names stand under `explanations`."
    ),
    "mistakes_fix": "fix: ",
    "mistakes_libraries": "who does what: ",
    "mistakes_backward": "In gradients",
    "mistakes_backward_intro": (
        "Where expected gradients differ (`expected_d_query` and so on, beside `d_output`), these are tried alone, and "
        "the mistakes above: made in both passes, or only in the backward pass, where weights are computed again."
    ),
    "mistakes_same": "Names for the same numbers",
    "mistakes_pairs": "No data can tell these apart, so that `attn check` names both: {pairs}.",
    "mistakes_pair": "`{first}` and `{second}`",
    "python_intro": (
        "The commands call these functions, which load NumPy and nothing else. Arrays may be anything that NumPy takes, and "
        "tensors of PyTorch of any type. `help(attncli.steps)` tells every shape, default and error. In a notebook what `load` "
        "and `steps` return shows itself, as do explanations and figures."
    ),
    "python_keywords": (
        "The keywords of `attention`, `steps` and `score` are the names of `attn help arrays`, and the flags of `attn "
        "help options` with `_` in place of `-`."
    ),
    "python_recipes": "Saving what another program computed",
    "python_dump": (
        "Whatever computes attention, some lines save what went in and what came out; then `attn check` compares, and the "
        "other commands show it. The arrays are saved as they lie, and `layout` says how: `bhsd`, `bshd`, `sbhd` or `thd`. "
        "The other options are those of `attn help options`; a boolean mask is true where a query may attend."
    ),
    "python_torch": "{library}, with tensors (batch, heads, length, features):",
    "python_jax": "{library}, whose axes are (batch, length, heads, features):",
    "python_tensorflow": "{library}, with tensors (batch, heads, length, features):",
    "python_after": (
        "`attn trace` records a transformers model without any of this, with `--whole` from x to the output of each "
        "layer, and the arrays of a mask, a bias, a cache or sinks can be added under the names of `attn help arrays`."
    ),
    "python_probe": "Answering a probe",
    "python_fill": (
        "`attn probe -o FILE` writes problems. These lines give each of them to a function, with its options as "
        "keywords, and save what comes out beside it; then `attn check FILE` answers. What the function returns no "
        "output for stays unanswered; half precision is saved as float32."
    ),
    "python_filled": "A function for {library}:",
}
