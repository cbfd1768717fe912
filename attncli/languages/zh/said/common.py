"""中文：各处通用的句式。Chinese: lists, and what stands around every notice."""

COMMON = {
    "attn: notice: {text}": "attn: 提示：{text}",
    "{place}: {text}": "{place}：{text}",
    "{value}: {notice}": "{value}：{notice}",
    "{before}; {after}": "{before}；{after}",
    "the Chinese of attn is written in simplified characters": "attn 的中文是简体中文，没有繁体中文",
    "{first} · {rest}": "{first} · {rest}",
    "{first}, {rest}": "{first}、{rest}",
    "{others} and {last}": "{others} 和 {last}",
    "{others} or {last}": "{others} 或 {last}",
}
