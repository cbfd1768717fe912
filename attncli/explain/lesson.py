"""Write the explanation of a computation: it reads what the steps made and recomputes nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.masking import additions, openings
from attncli.attend.operands import Operands
from attncli.attend.shapes import show
from attncli.explain import facts
from attncli.explain.blocks import Block, Formula, Heading, Paragraph, Points, Table, Working
from attncli.show.numbers import label, plain
from attncli.show.tables import Grid
from attncli.show.window import Axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

# A sum of so many terms is written out whole; of a longer one the ends, and the middle as one number.
MOST_TERMS = 64
ENDS = 4


@dataclass(frozen=True)
class Subject:
    """What one explanation is about: one head, and one element of each of its matrices.

    Attributes:
        operands: the shown rows of one head, prepared.
        made: scores, logits, weights and output of the shown rows, (rows, …).
        rows: which queries are shown.
        row: the query that is worked out.
        column: the key that is worked out.
        feature: the output column that is worked out.
        where: batch, batches, head, heads.
        key_head: the key head that serves this head, and how many query heads it serves.
    """

    title: str
    operands: Operands
    made: Mapping[str, NDArray[Any]]
    rows: Axis
    row: int
    column: int
    feature: int
    where: tuple[int, int, int, int]
    key_head: tuple[int, int]
    query_labels: Labels | None = None
    key_labels: Labels | None = None

    @property
    def at(self) -> int:
        """Where the row that is worked out stands among those shown."""
        return int(np.flatnonzero(self.rows.indices == self.row)[0])

    def line(self, name: str) -> NDArray[Any]:
        """Return the worked row of one result."""
        return self.made[name][self.at]


class Lesson:
    """An explanation in one language."""

    def __init__(self, subject: Subject, language: ModuleType, digits: int) -> None:
        self.about = subject
        self.language = language
        self.digits = digits

    def blocks(self, steps: Sequence[str]) -> Iterator[Block]:
        """Return the explanation of these steps, in the order of the pipeline."""
        yield Heading(self.say("title") + (f" — {self.about.title}" if self.about.title else ""), level=1)
        yield Paragraph(self.intro())
        for step, lesson in (("score", self.score), ("softmax", self.softmax), ("sum", self.sum)):
            if step in steps:
                yield from lesson()

    def say(self, text: str, /, **values: Any) -> str:
        """Return a text in the language of the lesson; numbers are written with the digits asked for."""
        written = {name: self.number(v) if isinstance(v, float | np.floating) else v for name, v in values.items()}
        return self.language.tidy(self.language.TEXTS[text].format(**written))

    def number(self, value: Any) -> str:
        """Write a number for a sentence."""
        return plain(float(value), self.digits)

    def query(self, index: int) -> str:
        """Name a query by its place and, where it has one, its label."""
        return self._named("the_query", index, self.about.query_labels)

    def key(self, index: int) -> str:
        """Name a key by its place and, where it has one, its label."""
        return self._named("the_key", index, self.about.key_labels)

    def _named(self, what: str, index: int, labels: Labels | None) -> str:
        name = self.say(what, index=index)
        return name if labels is None else self.say("labelled", what=name, label=label(labels[index]))

    def points(self, points: Iterable[str]) -> Points:
        """Return sentences as points; one that starts with a name gets its capital."""
        return Points(self.say("notice"), tuple(point[:1].upper() + point[1:] for point in points))

    def intro(self) -> str:
        """Say what meets what."""
        sizes, (batch, batches, head, heads) = self.about.operands.sizes, self.about.where
        queries = self.about.rows.total
        places = [self.say("where_batch", batch=batch, batches=batches)] if batches > 1 else []
        places += [self.say("where_head", head=head, heads=heads)] if heads > 1 else []
        where = self.say("where", places=self.say("list_join").join(places)) if places else ""
        text = self.say(
            "intro",
            queries=queries,
            queries_word=self.say("query_word" if queries == 1 else "queries_word"),
            meet_word=self.say("meets_word" if queries == 1 else "meet_word"),
            keys=sizes.keys,
            keys_word=self.say("key_word" if sizes.keys == 1 else "keys_word"),
            features=sizes.features,
            where=where,
            dtype=self.about.operands.dtype.name,
        )
        key_head, group = self.about.key_head
        return text + (self.say("group", head=head, key_head=key_head, group=group) if group > 1 else "")

    def score(self) -> Iterator[Block]:
        """Teach the first step."""
        about, sizes = self.about, self.about.operands.sizes
        queries = about.rows.total
        yield Heading(self.say("score_heading"))
        yield Paragraph(self.say("score_purpose"))
        yield Formula("scores = scale · Q Kᵀ", r"S = c \, Q K^\top")
        yield Paragraph(self.scale())
        shape = f"Q {show((queries, sizes.features))} · Kᵀ {show((sizes.features, sizes.keys))} → "
        yield Paragraph(self.say("shapes", text=shape + f"scores {show((queries, sizes.keys))}"))
        yield Paragraph(self.element("score_element"))
        yield Working(tuple(self.score_working()))
        yield Table(self.say("table_scores"), self.grid("scores", about.column))
        if not np.array_equal(about.made["scores"], about.made["logits"], equal_nan=True):
            yield Table(self.say("table_logits"), self.grid("logits", None))
        yield self.points(self.score_points())

    def scale(self) -> str:
        """Say what the scale is, and why."""
        o = self.about.operands
        if o.options.scale == "none":
            return self.say("scale_none")
        if o.options.scale == "sqrt":
            return self.say("scale_sqrt", features=o.sizes.features, factor=o.factor)
        is_sqrt = bool(np.isclose(o.factor, o.sizes.features**-0.5, rtol=1e-6))
        known = self.say("as_sqrt", features=o.sizes.features) if is_sqrt else ""
        return self.say("scale_number", factor=o.factor, as_sqrt=known)

    def element(self, key: str) -> str:
        """Say which element is worked out."""
        about = self.about
        return self.say(key, row=self.query(about.row), column=self.key(about.column))

    def score_working(self) -> Iterator[str]:
        """Work out one score, and what becomes of it before softmax."""
        about, o = self.about, self.about.operands
        query, key = o.query[0, 0, about.at].astype(o.dtype), o.key[0, 0, about.column].astype(o.dtype)
        score, logit = about.line("scores")[about.column], about.line("logits")[about.column]
        with np.errstate(all="ignore"):
            terms = self.terms([(q, k) for q, k in zip(query, key, strict=True)], "more_terms")
            total = score if o.factor == 1 else query @ key
        yield self.say("product_sum", terms=terms, total=total)
        if o.factor != 1:
            yield self.say("scaled", scale=o.factor, total=total, score=score)
        closed = [name for name, rule in openings(o).items() if not self.element_of(rule)]
        if "causal" in closed:
            yield self.say("closed_causal", position=int(o.positions[about.at]), key=about.column)
        if "mask" in closed:
            yield self.say("closed_mask")
        added = additions(o)
        if added is not None and not closed:
            yield self.say("mask_added", score=score, mask=self.element_of(added), logit=logit)

    def element_of(self, array: NDArray[Any]) -> Any:
        """Return the worked element of what broadcasts to (batch, heads, rows, keys)."""
        shape = (1, 1, len(self.about.rows.indices), self.about.operands.sizes.keys)
        return np.broadcast_to(array, shape)[0, 0, self.about.at, self.about.column]

    def score_points(self) -> Iterator[str]:
        """Say what is worth noticing in the scores."""
        about = self.about
        logits = about.line("logits")
        row = facts.of_row(logits, about.line("weights"))
        if np.isnan(logits).any():
            yield self.say("not_a_number", row=self.query(about.row))
            return
        if 0 < row.open < len(logits):
            counts = {"closed": len(logits) - row.open, "keys": len(logits), "open": row.open}
            yield self.say("closed_count", row=self.query(about.row), **counts)
        if row.open == 0:
            yield self.say("softmax_empty", row=self.query(about.row))
            return
        first, *others = np.argsort(-logits, kind="stable").tolist()
        yield self.say("score_best", row=self.query(about.row), best=self.key(first), score=logits[first])
        if row.open > 1:
            second = {"second": self.key(others[0]), "score": logits[others[0]]}
            with np.errstate(over="ignore"):
                ratio = np.exp(np.float64(row.gap))
            key = "score_gap_tie" if row.gap == 0 else "score_gap"
            yield self.say(key, **second, gap=row.gap, ratio=ratio)

    def softmax(self) -> Iterator[Block]:
        """Teach the second step."""
        about = self.about
        shape = show((about.rows.total, about.operands.sizes.keys))
        yield Heading(self.say("softmax_heading"))
        yield Paragraph(self.say("softmax_purpose"))
        yield Formula(
            "weights[i, j] = exp(logits[i, j] − mᵢ) / Σₖ exp(logits[i, k] − mᵢ)",
            r"W_{ij} = \frac{e^{L_{ij} - m_i}}{\sum_k e^{L_{ik} - m_i}}, \quad m_i = \max_k L_{ik}",
        )
        yield Paragraph(self.say("shapes", text=f"logits {shape} → weights {shape}"))
        yield Paragraph(self.element("softmax_element"))
        yield Working(tuple(self.softmax_working()))
        yield Table(self.say("table_weights"), self.grid("weights", about.column))
        yield self.points(self.softmax_points())

    def softmax_working(self) -> Iterator[str]:
        """Work out one weight."""
        about = self.about
        logits, weights = about.line("logits"), about.line("weights")
        peak = logits.max()
        if np.isnan(peak) or peak == np.inf:
            yield self.say("not_a_number", row=self.query(about.row))
            return
        if peak == -np.inf:
            yield self.say("softmax_empty", row=self.query(about.row))
            return
        exponentials = np.exp(logits - peak)
        numerator, total = exponentials[about.column], exponentials.sum()
        yield self.say("softmax_peak", peak=peak)
        yield self.say("softmax_numerator", logit=logits[about.column], peak=self.signed(peak), numerator=numerator)
        yield self.say(
            "softmax_total", terms=self.terms([(e,) for e in exponentials], "more_exponentials"), total=total
        )
        yield self.say("softmax_quotient", numerator=numerator, total=total, weight=weights[about.column])

    def softmax_points(self) -> Iterator[str]:
        """Say what is worth noticing in the weights."""
        about = self.about
        weights, logits = about.line("weights"), about.line("logits")
        row = facts.of_row(logits, weights)
        if np.isnan(weights).any():
            yield self.say("not_a_number", row=self.query(about.row))
            return
        if row.open == 0:
            yield self.say("softmax_empty", row=self.query(about.row))
            return
        top = [int(j) for j in row.ranking[:3] if weights[j] > 0]
        ranking = self.say("list_join").join(self.say("ranked", label=self.key(j), weight=weights[j]) for j in top)
        yield self.say("most_weight", row=self.query(about.row), ranking=ranking)
        if row.open == 1:
            yield self.say("only_key")
        else:
            yield self.say("effective", effective=row.effective, open=row.open)
            yield self.saturation(weights[top[0]], top[0])
        yield self.naive(row.peak)
        yield from self.extremes()

    def saturation(self, weight: Any, best: int) -> str:
        """Say whether the row is saturated."""
        key = "saturated" if weight > facts.SATURATED else "not_saturated"
        return self.say(key, best=self.key(best), weight=weight, gradient=float(weight) * (1 - float(weight)))

    def naive(self, peak: float) -> str:
        """Say what exponentials without the maximum subtracted would have done."""
        dtype = self.about.operands.dtype
        fate = facts.naive_exponential(peak, dtype)
        values: dict[str, Any] = {"peak": peak, "dtype": dtype.name, "limit": f"{facts.exponent_limit(dtype):.1f}"}
        if fate == "fits":
            values["exponential"] = np.exp(np.float64(peak))
        text = self.say(f"naive_{fate}", **values)
        single = np.dtype(np.float32)
        if fate == "fits" and facts.naive_exponential(peak, single) != "fits" and peak > 0:
            text += self.say("naive_fits_not_float32", limit=f"{facts.exponent_limit(single):.1f}")
        return text

    def extremes(self) -> Iterator[str]:
        """Compare the rows that are shown."""
        about = self.about
        effective = [facts.effective_keys(row) if row.sum() > 0 else np.nan for row in about.made["weights"]]
        if np.isfinite(effective).sum() < 2:
            return
        few, many = int(np.nanargmin(effective)), int(np.nanargmax(effective))
        if effective[few] < effective[many]:
            sharp, flat = (self.query(int(about.rows.indices[i])) for i in (few, many))
            yield self.say("sharpest", sharp=sharp, few=effective[few], flat=flat, many=effective[many])

    def sum(self) -> Iterator[Block]:
        """Teach the third step."""
        about, sizes = self.about, self.about.operands.sizes
        queries, features = about.rows.total, sizes.value_features
        yield Heading(self.say("sum_heading"))
        yield Paragraph(self.say("sum_purpose"))
        yield Formula("output = weights · V", r"O = W V")
        shape = f"weights {show((queries, sizes.keys))} · V {show((sizes.keys, features))} → "
        yield Paragraph(self.say("shapes", text=shape + f"output {show((queries, features))}"))
        yield Paragraph(self.say("sum_element", row=self.query(about.row), column=about.feature))
        weights, value = about.line("weights"), self.values()[:, about.feature]
        terms = [(w, v) for w, v in zip(weights, value, strict=True) if w != 0] or [(weights[0], value[0])]
        total = about.line("output")[about.feature]
        yield Working((self.say("sum_terms", terms=self.terms(terms, "more_terms"), total=total),))
        yield Table(self.say("table_output"), self.grid("output", about.feature))
        yield self.points(self.sum_points())

    def values(self) -> NDArray[Any]:
        """Return the values of this head, (S, Ev)."""
        o = self.about.operands
        assert o.value is not None  # the sum is taught only where there is one
        return o.value[0, 0]

    def sum_points(self) -> Iterator[str]:
        """Say what is worth noticing in the output."""
        about = self.about
        weights, output, values = about.line("weights"), about.line("output"), self.values()
        row = facts.of_row(about.line("logits"), weights)
        if np.isnan(weights).any():
            yield self.say("not_a_number", row=self.query(about.row))
            return
        if row.open == 0:
            yield self.say("sum_empty", row=self.query(about.row))
            return
        best = int(row.ranking[0])
        if row.open > 3:
            shares = {"share": weights[best], "three": weights[row.ranking[:3]].sum()}
            yield self.say("share", best=self.key(best), **shares)
        if weights[best] > facts.SATURATED:
            with np.errstate(invalid="ignore"):
                difference = np.abs(output.astype(np.float64) - values[best]).max()
            yield self.say("near_one", row=self.query(about.row), best=self.key(best), difference=difference)
        if row.open > 1:
            is_open = about.line("logits") > -np.inf
            mean = values[is_open, about.feature].astype(np.float64).mean()
            yield self.say("mean_distance", mean=mean, value=output[about.feature])
        if row.open < len(weights):
            yield self.say("masked_values")

    def grid(self, name: str, mark: int | None) -> Grid:
        """Return one result as a table, one element marked."""
        about = self.about
        columns = None if name == "output" else about.key_labels
        place = None if mark is None else (about.row, mark)
        heated = name == "weights"
        return Grid(about.made[name], about.rows, about.query_labels, columns, heated=heated, mark=place)

    def signed(self, value: Any) -> str:
        """Write a number so that it can stand behind an operator."""
        text = self.number(value)
        return f"({text})" if text.startswith(("-", "−")) else text

    def terms(self, terms: Sequence[tuple[Any, ...]], more: str) -> str:
        """Write a sum of products; a long one with the sum of its middle as one term."""
        if len(terms) <= MOST_TERMS:
            return " + ".join(map(self._product, terms))
        middle = sum(float(np.prod(term)) for term in terms[ENDS:-ENDS])
        between = self.say(more, count=len(terms) - 2 * ENDS, total=middle)
        parts = [*map(self._product, terms[:ENDS]), between, *map(self._product, terms[-ENDS:])]
        return " + ".join(parts)

    def _product(self, term: tuple[Any, ...]) -> str:
        return "·".join(map(self.signed, term))
