"""What is asked to be drawn, by the flags of a command or by the keywords of a function."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from attncli.errors import InputError
from attncli.languages import DEFAULT
from attncli.plot.picture import FEATURES
from attncli.problem.attention import ScoreComputation
from attncli.problem.first import find
from attncli.problem.selection import Choice

# The most rows or columns of a map that has its numbers in it, and the most cells of all maps.
MOST_VALUES, MOST_NUMBERS = 24, 2500


@dataclass(frozen=True)
class Asked:
    """What to draw.

    Attributes:
        what: one of the kinds of maps, or ``"features"``.
        choice: which heads and batch items.
        row: the query to mark, to lay over a picture or to look at by features, by index or label.
        col: the key to look at by features, or where a page opens, likewise.
        image: the picture that a row is laid over: a path, or ``sample:NAME``.
        patches: how it is cut, ROWSxCOLS; None: as labels or its shape say.
        values: whether cells have their numbers in them.
        lang: the language of what is written beside them.
    """

    what: str = "weights"
    choice: Choice = field(default_factory=Choice)
    row: str | None = None
    col: str | None = None
    image: str | None = None
    patches: str | None = None
    values: bool = False
    lang: str = DEFAULT

    def check(self, *, page: bool = False) -> None:
        """Refuse what has no effect beside the rest.

        Args:
            page: whether a page is drawn, which opens at a key.

        Raises:
            InputError: with the flag.
        """
        features = self.what == FEATURES
        idle = {
            "--col": (self.col is not None and not page and not features, f"--what {FEATURES}, or a page"),
            "--patches": (self.patches is not None and self.image is None, "--image"),
            "--values": (self.values and features, "a map"),
            "--image": (self.image is not None and features, "a map"),
        }
        for flag, (is_idle, needed) in idle.items():
            if is_idle:
                raise InputError(f"{flag} has no effect without {needed}", hint="leave it out")

    def places(self, computation: ScoreComputation) -> list[tuple[int, int]]:
        """Return the batch items and heads to draw."""
        return computation.problem.choice(self.choice, computation.shape).places(computation.shape)

    def opening(self, computation: ScoreComputation) -> tuple[int, int]:
        """Return the batch item and head that a page opens at: of several those that the problem shows first."""
        places = self.places(computation)
        shown = computation.problem.choice(replace(self.choice, head=None), computation.shape)
        return next((each for each in shown.places(computation.shape) if each in places), places[0])

    def place(self, computation: ScoreComputation) -> tuple[int, int]:
        """Return the one batch item and head to draw.

        Raises:
            InputError: there are several.
        """
        places = self.places(computation)
        if len(places) > 1:
            raise InputError(f"--what {FEATURES} is about one head", hint="choose one with --head N")
        return places[0]

    def element(self, computation: ScoreComputation, batch: int) -> tuple[int | None, int | None]:
        """Return the query and the key to look at, None where nothing says which."""
        labels, o = computation.problem.labels_of(batch), computation.operands
        row, col = computation.problem.element(batch, (o.sizes.queries, o.sizes.keys))
        if self.row is not None:
            # The key that is shown first belongs to the query that is.
            row, col = find("row", self.row, labels.get("query_labels"), o.sizes.queries), None
        if self.col is not None:
            col = find("col", self.col, labels.get("key_labels"), o.sizes.keys)
        return row, col

    def check_values(self, computation: ScoreComputation, count: int) -> None:
        """Refuse numbers in the cells of so many maps that are not small.

        Raises:
            InputError: with their size.
        """
        sizes = computation.operands.sizes
        most = max(sizes.queries, sizes.keys)
        if self.values and (most > MOST_VALUES or count * sizes.queries * sizes.keys > MOST_NUMBERS):
            several = f"{count} maps of " * (count > 1)
            message = f"--values is for small maps, not for {several}{sizes.queries} × {sizes.keys} cells"
            raise InputError(message, hint="attn compute shows numbers of any map" if count == 1 else "choose --head N")


def head_of(head: str | None, *, all_heads: bool) -> str | None:
    """Return which head is meant, where all of them have a flag of their own.

    Raises:
        InputError: both are given.
    """
    if all_heads and head is not None:
        raise InputError("--head and --all-heads contradict each other", hint="give only one")
    return "all" if all_heads else head
