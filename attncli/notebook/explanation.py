"""An explanation as Python has it: a text, which a notebook shows as a page does."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.explain import html, prose
from attncli.explain.blocks import Block
from attncli.notebook.fragment import fragment, numbers
from attncli.show.plain import PlainConsole
from attncli.show.view import View


class Explanation(str):
    """An explanation: a text of 80 columns, as ``print`` and ``str`` show it, and the same in richer forms.

    Attributes:
        markdown: the same as Markdown, with formulas between dollar signs.
        html: the same as a part of a page, with coloured tables; this is what a notebook shows.
    """

    markdown: str
    html: str

    def __new__(cls, text: str, markdown: str = "", html: str = "") -> Explanation:
        """Return the text with the other forms of it."""
        made = super().__new__(cls, text)
        made.markdown, made.html = markdown, html
        return made

    @classmethod
    def of(cls, blocks: Sequence[Block], view: View, lang: str) -> Explanation:
        """Return what is said, in all forms.

        Args:
            blocks: what is said.
            view: how much tables show.
            lang: its language.
        """
        lines: list[str] = []
        prose.to_terminal(blocks, view, PlainConsole(lines.append))
        shown = fragment(html.lesson(blocks, view, numbers), lang)
        return cls("".join(lines), prose.to_markdown(blocks, view), shown)

    def __repr__(self) -> str:
        return str(self).rstrip("\n")

    def _repr_markdown_(self) -> str | None:
        return self.markdown or None

    def _repr_html_(self) -> str | None:
        return self.html or None
