"""中文：英文句式的译文，以句式为键。Chinese: the patterns of what is said where no language is known."""

SAID = {
    "attn: notice: {text}": "attn: 提示：{text}",
    "the Chinese of attn is written in simplified characters": "attn 的中文是简体中文，没有繁体中文",
    "{first}, {rest}": "{first}、{rest}",
    "{others} and {last}": "{others} 和 {last}",
    "{others} or {last}": "{others} 或 {last}",
}
