"""A problem as Python has it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from attncli.attend.options import as_flag, written
from attncli.attend.parts import Selection
from attncli.attend.shapes import show
from attncli.attend.steps import STEPS, Steps
from attncli.errors import InputError
from attncli.languages import LANGUAGES, of_locale
from attncli.notebook.fragment import VIEW, code, fragment
from attncli.notebook.messages import naming_the_file, warn
from attncli.notebook.steps import About, LabelledSteps
from attncli.problem.computation import Computation, Resources
from attncli.problem.factory import attention_of, scores_of
from attncli.problem.problem import Problem as Found
from attncli.problem.selection import Choice, Index, choice_of, index_or_all, steps_among
from attncli.show.html import text
from attncli.show.numbers import label
from attncli.show.view import MOST_DIGITS, View
from attncli.text import quoted, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from attncli.files.contents import AnyLabels
    from attncli.notebook.explanation import Explanation

# The most labels of queries or keys that are shown.
MOST_LABELS = 24


class Problem:
    """A problem, as `load` returns it.

    Nothing is computed before it is asked for. Each method warns, with a UserWarning, of what commands give notices of.
    In a notebook it shows its title, arrays, labels and options.

    Example:
        >>> from attncli import attention, load
        >>> load("sample:article")
        <Problem “Weighted sum of hidden states: one query meets two states, which are columns”: query 5 float64, \
hidden 5×2 float64; states columns>
        >>> problem = load("sample:article")
        >>> attention(**problem.arrays, **problem.options).round(5).tolist()
        [2.0, 3.0, 4.0, 5.0, 6.0]
    """

    def __init__(self, found: Found) -> None:
        self._found = found

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays, by name, as they are given."""
        return dict(self._found.arrays)

    @property
    def options(self) -> dict[str, Any]:
        """The options that are not at their default, by name: keywords of `attncli.steps` and its like."""
        return self._found.options.changed()

    @property
    def labels(self) -> dict[str, AnyLabels]:
        """``query_labels`` and ``key_labels``, if any: a tuple of texts, or one of them for each batch item."""
        return dict(self._found.labels)

    @property
    def title(self) -> str:
        """The title, or an empty text."""
        return self._found.texts.get("title", "")

    def steps(self) -> Steps:
        """Run all steps and keep the result of each, as `attncli.steps` does.

        Returns:
            The results, which a notebook shows with the labels of the problem: the head and the batch item that it says
            are to be shown first, or else the first.

        Raises:
            InputError: an array is missing or does not fit, or there is not enough memory for the scores.

        Example:
            >>> from attncli import load
            >>> load("sample:article").steps().weights.round(6).tolist()
            [0.0, 1.0]
        """
        with naming_the_file():
            computation, whole = attention_of(self._found), Selection()
            hint = "attncli.attention gives the output without them"
            computation.require(computation.needs(whole), whole, hint)
            made: Mapping[str, NDArray[Any]] = computation.result(whole, Resources()).arrays
            batch, head = self._found.choice(Choice(), computation.shape).places(computation.shape)[0]
        about = About(
            batch,
            head,
            self._found.labels_of(batch),
            tuple(computation.calculation.form("output").letters),
            self.title,
        )
        warn(self._news(computation))
        return LabelledSteps(**{each.name: made.get(each.name) for each in fields(Steps)}, about=about)  # type: ignore[arg-type]

    def explain(
        self,
        step: str | Iterable[str] | None = None,
        *,
        row: int | str | None = None,
        col: int | str | None = None,
        head: int | None = None,
        batch: int | None = None,
        tile: int | None = None,
        lang: str | None = None,
        rows: Index = None,
        cols: Index = None,
        digits: int | None = None,
    ) -> Explanation:
        """Explain the steps with the numbers of the problem, as `attn explain` does.

        Args:
            step: ``"project"``, ``"norm"``, ``"rotate"``, ``"cache"``, ``"score"``, ``"softmax"``, ``"sum"``,
                ``"out"``, ``"tiles"`` or ``"backward"``, or several of them; None: all but the last two.
            row: the query to work out, by index or label (default: as the problem says, else the first; with causal,
                rope or alibi the last).
            col: the key to work out, likewise (default: that of most weight); for the sum alone the output column.
            head: of the query (default: as the problem says, else the first).
            batch: which batch item (default: likewise).
            tile: of the tiles, how many keys one has (default: so many that a short row makes two to four).
            lang: ``"en"`` or ``"zh"`` (default: that of the locale).
            rows: the most rows that tables show, or ``"all"`` (default 16).
            cols: the most columns, likewise (default: all that fit).
            digits: after the point below 1, significant ones from 1 up (default 4).

        Returns:
            A text, which a notebook shows as a page does; ``.markdown`` and ``.html`` are the other forms of it.

        Raises:
            InputError: an array is missing or does not fit, or there is no such step, head, query, key or language.

        Example:
            >>> from attncli import load
            >>> print(load("sample:article").explain("softmax", digits=3))  # doctest: +ELLIPSIS
            Attention, step by step — Weighted sum of hidden states: one query meets two
            states, which are columns
            ...
                weight = 1 / 1.0000003 = 0.9999997
            ...
        """
        from attncli.explain.explanation import KNOWN, check_tile, explain
        from attncli.notebook.explanation import Explanation

        with naming_the_file():
            asked = [step] if isinstance(step, str) else step
            view = _view(rows, cols, digits)
            language = _language(lang)
            taught = steps_among(KNOWN, asked) or STEPS
            check_tile(tile, taught)
            if tile is not None and (not isinstance(tile, int) or isinstance(tile, bool) or tile < 1):
                raise InputError(f"tile must be a whole number from 1, not {quoted(tile)}")
            made = explain(
                self._found,
                taught,
                choice_of(_text(batch), _text(head)),
                view,
                row=_text(row),
                column=_text(col),
                tile=tile,
                lang=language,
            )
        warn(self._news(made.computation))
        return Explanation.of(made.blocks, view, language)

    def plot(
        self,
        what: str = "weights",
        *,
        head: Index = None,
        batch: Index = None,
        all_heads: bool = False,
        row: int | str | None = None,
        col: int | str | None = None,
        image: str | os.PathLike[str] | None = None,
        patches: str | None = None,
        values: bool = False,
        title: str | None = None,
        lang: str | None = None,
    ) -> Figure:
        """Draw who attends to what: the picture that `attn plot -o map.png` writes.

        Args:
            what: ``"weights"``, ``"scores"`` or ``"logits"``, or ``"features"``, what each of them adds to one score.
            head: of the query, or ``"all"`` (default: as the problem says, else the first).
            batch: which batch item, or ``"all"`` (default: likewise).
            all_heads: the same as ``head="all"``: small multiples.
            row: the query to mark, to lay over a picture or to look at by features, by index or label.
            col: the key to look at by features, likewise.
            image: a picture that an image model read, over which the row is laid.
            patches: how it is cut, ``"ROWSxCOLS"`` (default: as labels or its shape say).
            values: whether cells of small maps have their numbers in them.
            title: in place of the problem's own.
            lang: as in `explain`.

        Returns:
            A figure of matplotlib, which ``savefig`` writes to a file.

        Raises:
            InputError: matplotlib is not installed (``pip install 'attncli[plot]'``); or as in `explain`.
        """
        from attncli.notebook.figure import drawn
        from attncli.plot.asked import Asked, head_of
        from attncli.plot.painting import paint

        with naming_the_file():
            choice = choice_of(_text(batch), head_of(_text(head), all_heads=all_heads))
            photo = None if image is None else os.fspath(image)
            asked = Asked(what, choice, _text(row), _text(col), photo, patches, values=values, lang=_language(lang))
            asked.check()
            texts = self._found.texts if title is None else {**self._found.texts, "title": title}
            computation = scores_of(replace(self._found, texts=texts), ["score", "softmax"])
            figure, missing = drawn(paint(computation, asked))
        warn([*self._news(computation), *([missing] if missing else [])])
        return figure

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name} {form}" for name, form in self._forms())
        title = f" “{visible(self.title)}”" * bool(self.title)
        options = "; " * bool(self.options) + ", ".join(self._in_flags())
        return f"<Problem{title}: {arrays}{visible(options)}>"

    def _repr_html_(self) -> str:
        rows = [(code(name), text(form)) for name, form in self._forms()]
        rows += [(code(name), text(said)) for name, said in self._called()]
        rows += [(code("options"), text(" · ".join(self._in_flags())))] * bool(self.options)
        lines = "\n".join(f'<tr><th>{name}</th><td dir="auto">{what}</td></tr>' for name, what in rows)
        title = f'<p dir="auto"><strong>{text(self.title)}</strong></p>\n' * bool(self.title)
        source = self._found.texts.get("source", "")
        below = f'\n<p class="soft" dir="auto">{text(source)}</p>' * bool(source)
        return fragment(f'{title}<table class="facts">\n{lines}\n</table>{below}')

    def _forms(self) -> list[tuple[str, str]]:
        """Return the arrays by name, each with its shape and type."""
        return [(name, f"{show(array.shape)} {array.dtype.name}") for name, array in self._found.arrays.items()]

    def _called(self) -> list[tuple[str, str]]:
        """Return the labels of the first batch item by name, a few of each."""
        return [
            (name, " · ".join(map(label, labels[:MOST_LABELS])) + " · …" * (len(labels) > MOST_LABELS))
            for name, labels in self._found.labels_of(0).items()
        ]

    def _in_flags(self) -> list[str]:
        """Return the options that are not at their default, as flags say them."""
        changed = self._found.options.changed()
        return [as_flag(name) + f" {written(value)}" * (value is not True) for name, value in changed.items()]

    def _news(self, computation: Computation) -> list[str]:
        """Return the notices of a computation but those that were told when the problem was loaded."""
        return [notice for notice in computation.notices if notice not in self._found.notices]


def _text(given: object) -> str | None:
    """Return an index or a label as a flag would have it."""
    return None if given is None else str(given)


def _view(rows: Index, cols: Index, digits: int | None) -> View:
    """Return how much tables show.

    Raises:
        InputError: one of them cannot be that.
    """
    most = index_or_all("rows", _text(rows), 1), index_or_all("cols", _text(cols), 1)
    if digits is not None and (not hasattr(digits, "__index__") or digits not in range(1, MOST_DIGITS + 1)):
        raise InputError(f"digits must be a whole number from 1 to {MOST_DIGITS}, not {quoted(digits)}")
    return replace(VIEW, rows=most[0] or VIEW.rows, cols=most[1], digits=digits or VIEW.digits)


def _language(given: str | None) -> str:
    """Return the language that is asked for, or that of the locale.

    Raises:
        InputError: there is no such language.
    """
    if given is not None and given not in LANGUAGES:
        raise InputError(f"lang must be {' or '.join(LANGUAGES)}, not {quoted(given)}")
    return given or of_locale(os.environ)
