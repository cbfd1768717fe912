"""What files the commands take, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.attend.arrays import KINDS, Kind
from attncli.files.formats import DATA, INDEX, OF_WEIGHTS, PLAIN, READ, Format, suffixes
from attncli.problem.assemble import ATTENTION_ROLES, SOFTMAX_ROLES, SUM_ROLES
from attncli.problem.families import BESIDE, FAMILIES
from attncli.reference.blocks import Block, Code, Table
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return what FILES means, how one of several things in a file is picked, and what stands beside arrays."""
    yield Paragraph(words.say("files_intro"))
    yield Table((words.say("given"), words.say("means")), tuple(_given(words)))
    yield Paragraph(words.say("files_steps", softmax=_roles(words, SOFTMAX_ROLES), sum=_roles(words, SUM_ROLES)))
    yield Heading(words.say("files_picking"))
    yield Paragraph(words.say("files_problems"))
    yield Code("attn plot FILE:decoder.3 --all-heads\nattn compute FILE --mask FILE:attn_mask", "sh")
    yield Heading(words.say("files_entries"))
    yield Paragraph(words.say("files_arrays"))
    entries = [(name, kind) for name, kind in KINDS.items() if kind is not Kind.ARRAY]
    yield Table(
        (words.say("name"), words.say("what")),
        tuple((f"`{name}`", words.say(f"entry_{name}")) for name, _ in entries),
    )
    yield Heading(words.say("files_layer"))
    kinds = words.either([f"`{suffix}`" for suffix in suffixes(OF_WEIGHTS)])
    yield Paragraph(words.say("files_layers", suffixes=kinds, index=f"`{INDEX}`"))
    yield Code(
        "attn inspect 'FILE:model.layers.*.self_attn'\n"
        "attn compute --hidden X --layer FILE:model.layers.0.self_attn --heads 8",
        "sh",
    )
    yield Table((words.say("files_decided"), words.say("files_tensors")), tuple(_families()))
    yield Paragraph(words.say("files_beside", names=words.listed(f"`{name}`" for name in _beside())))
    yield Heading(words.say("files_stdin"))
    yield Paragraph(words.say("files_sniffed", plain=PLAIN.title))
    yield Code("attn score FILE | attn softmax | attn sum", "sh")
    yield Heading(words.say("files_precedence"))
    yield Paragraph(words.say("files_flags"))


def _families() -> Iterator[tuple[str, str]]:
    for family in FAMILIES:
        *made, out = (", ".join(f"`{name}`" for name in names) for names in family.matrices.values())
        parts = [f"`{name.removesuffix('.weight')}`" for name in family.parts if name.endswith("weight")]
        yield f"`{family.weights}`" + f", `{family.qkv}`" * bool(family.qkv), " · ".join([*made, *parts, out])


def _beside() -> Iterator[str]:
    yield from (name for names in BESIDE.values() for name in names)
    yield from dict.fromkeys(name for family in FAMILIES for name in family.extra.values())


def _given(words: Words) -> Iterator[tuple[str, str]]:
    yield (
        words.say("files_archive", suffixes=_suffixes(words, [each for each in READ if each.is_archive])),
        words.say("files_named"),
    )
    yield f"`{INDEX}`", words.say("files_shards")
    singles = _suffixes(words, [each for each in DATA if each.is_single])
    for count, roles in ATTENTION_ROLES.items():
        yield (
            words.say(f"files_given_{count}", suffixes=singles),
            words.say(f"files_means_{count}", names=_named(roles)),
        )
    yield "`-`", words.say("files_dash")
    yield "`[[1,2],[3,4]]`", words.say("files_typed")
    yield "`sample:NAME`", words.say("files_sample")
    yield "`--query FILE`, `--mask FILE`, …", words.say("files_set")
    yield "`--sinks 0.1,0.2`", words.say("files_list")
    yield "`--layer FILE:PREFIX`", words.say("files_weights")


def _suffixes(words: Words, formats: list[Format]) -> str:
    return words.either(f"`{suffix}`" for suffix in suffixes(formats))


def _named(roles: tuple[tuple[str, ...], ...]) -> str:
    return " ".join(" = ".join(name.upper() for name in role) for role in roles)


def _roles(words: Words, roles: dict[int, tuple[tuple[str, ...], ...]]) -> str:
    return words.either(_named(each) for each in roles.values())
