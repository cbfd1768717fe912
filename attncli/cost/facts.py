"""What a case is, in a line for each group of layers."""

from __future__ import annotations

from attncli.cost.case import Case
from attncli.cost.layers import Attention, Group
from attncli.cost.voice import Voice


def facts(case: Case, voice: Voice) -> list[str]:
    """Return what is reckoned: the layers, then the tokens."""
    lines = [
        voice.say("facts_group", count=group.count, kind=voice(f"kind_{group.kind}"), what=_of_group(group, voice))
        for group in case.groups
    ]
    key = "facts_source" if case.has_source else "facts_sizes"
    sizes = [voice.say(key, queries=case.length, keys=case.keys)]
    sizes += [voice.say("facts_batch", batch=case.batch)] * (case.batch > 1)
    sizes += [voice("facts_arrays")] * (case.masked is not None)
    return [*lines, " · ".join([*sizes, case.dtype])]


def _of_group(group: Group, voice: Voice) -> str:
    if group.state is not None:
        from attncli.cost.formula import Term

        return voice.say("facts_state", numbers=sum(Term(each).value for each in group.state.held))
    assert group.attention is not None
    return " · ".join([*[voice("facts_encoder")] * (group.side == "encoder"), *_of_attention(group.attention, voice)])


def _of_attention(a: Attention, voice: Voice) -> list[str]:
    features = str(a.dim) if a.dim == a.value_dim else f"{a.dim}/{a.value_dim}"
    said = [voice.say("facts_shape", heads=a.heads, key_heads=a.key_heads, features=features)]
    if a.latent is not None:
        said.append(voice.say("facts_latent", rank=a.latent.rank, rope=a.latent.rope))
    said += [voice("facts_causal")] * a.rule.causal
    if a.rule.window is not None:
        said.append(voice.say("facts_window", window=a.rule.window))
    if a.rule.chunk is not None:
        said.append(voice.say("facts_chunk", chunk=a.rule.chunk))
    return said
