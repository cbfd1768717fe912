"""Texts and values as parts of a page; text from files stays text, and keeps its direction to itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from attncli.show.blocks import APART
from attncli.text import as_json, visible

TAGS = dict(zip(APART, ("<bdi>", "</bdi>"), strict=True))


def text(content: str) -> str:
    r"""Return text between tags: no markup, nothing unseen; what was set `apart` cannot turn what stands around it.

    >>> text("a < b\x07"), text("key 1 “\u2068x\u2069”")
    ('a &lt; b\\x07', 'key 1 “<bdi>x</bdi>”')
    """
    parts = re.split(f"([{''.join(APART)}])", escape(content))
    return "".join(TAGS.get(part) or visible(part) for part in parts)


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Return a page with its parts put in where ``%%name%%`` stands.

    >>> filled("<p>%%a%%</p>", {"a": "%%b%%"})
    '<p>%%b%%</p>'
    """
    # In one pass: marks in what is put in are not replaced.
    pieces = template.split("%%")
    return "".join(parts[piece] if at % 2 else piece for at, piece in enumerate(pieces))


def script_data(value: object) -> str:
    r"""Return JSON for a script element, whose text would end at the first "<" that could close it.

    >>> script_data(["</script>", "\u2028"])
    '["\\u003c/script>", "\\u2028"]'
    """
    return as_json(value, allow_nan=False).replace("<", "\\u003c")
