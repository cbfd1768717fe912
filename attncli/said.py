"""Sentences that are said in English where the facts are known, and in another language where they are printed."""

from __future__ import annotations


class Said(str):
    """An English sentence that remembers its pattern and what fills it, so that a catalogue can say it otherwise.

    For all who know no language it is the English text: in Python, in JSON, in comparisons. Joined to other text with
    ``+`` or in an f-string it becomes plain English for good: what stands around it belongs into a pattern too.

    Args:
        pattern: the sentence, with the names of its fields in braces; a constant, by which catalogues find it.
        fields: what fills it. Those that are said themselves are said in the other language too.

    Example:
        >>> text = Said("{name} holds {count} NaN", name="query", count=2)
        >>> text, text.pattern, text.fields["name"]
        ('query holds 2 NaN', '{name} holds {count} NaN', 'query')
    """

    pattern: str
    fields: dict[str, object]

    def __new__(cls, pattern: str, **fields: object) -> Said:
        """Fill in the pattern."""
        made = super().__new__(cls, pattern.format(**fields))
        made.pattern, made.fields = pattern, fields
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Return what a copy is made of."""
        return (self.pattern,), self.fields
