"""What `attn plot` draws, and where: its flags, and which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.groups import shown
from attncli.commands.presentation import Screening, index_or_all, written_in
from attncli.errors import InputError
from attncli.files.formats import FORMATS, Format, Holds, that_hold
from attncli.plot.picture import FEATURES, KINDS
from attncli.problem.attention import ScoreComputation
from attncli.problem.first import find
from attncli.problem.selection import Choice

PICTURES = that_hold(Holds.PICTURE, Holds.PAGE)
# The format that can hold a drawing of the terminal.
SCREENSHOT = FORMATS["svg"]
PICTURE, PAGE = FORMATS["png"].suffix, FORMATS["html"].suffix
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[(*KINDS, FEATURES)]


class Drawing(Screening):
    """What to draw, and where."""

    what: Annotated[
        Kind, shown("--what", "Draw these numbers (default weights), or what the features add to one score.")
    ] = "weights"
    head: Annotated[
        str | None, shown("--head", "Draw head N (default: as the file says, else the first).", metavar="N|all")
    ] = None
    all_heads: Annotated[bool, shown("--all-heads", "Draw all heads, as small multiples.")] = False
    batch: Annotated[str | None, shown("--batch", "Draw batch item N (default: likewise).", metavar="N|all")] = None
    row: Annotated[
        str | None,
        shown("--row", "Query to mark, to lay over a picture or to look at by features.", metavar="INDEX|LABEL"),
    ] = None
    col: Annotated[
        str | None,
        shown("--col", "Key to look at by features, or where a page opens.", metavar="INDEX|LABEL"),
    ] = None
    image: Annotated[
        str | None, shown("--image", "Lay the row over this picture that an image model read.", metavar="PICTURE")
    ] = None
    patches: Annotated[
        str | None,
        shown("--patches", "Patches of the picture (default: as labels or its shape say).", metavar="ROWSxCOLS"),
    ] = None
    values: Annotated[bool, shown("--values", "Write the numbers into the cells of small maps.")] = False
    title: Annotated[str | None, shown("--title", "Title (default: that of the file).", metavar="TEXT")] = None
    output: Annotated[str | None, shown("--output -o", written_in(PICTURES), metavar="FILE")] = None
    terminal: Annotated[
        bool, shown("--terminal", f"Draw FILE{SCREENSHOT.suffix} as a terminal shows it; does not need matplotlib.")
    ] = False
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False

    def places(self, computation: ScoreComputation) -> list[tuple[int, int]]:
        """Return the batch items and heads to draw."""
        if self.all_heads and self.head is not None:
            raise InputError("--head and --all-heads contradict each other", hint="give only one")
        head = "all" if self.all_heads else self.head
        asked = Choice(index_or_all("batch", self.batch), index_or_all("head", head))
        return computation.problem.choice(asked, computation.shape).places(computation.shape)

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

    def check(self, kind: Format | None) -> None:
        """Refuse flags that have no effect together.

        Args:
            kind: the format of the file; None: there is none.

        Raises:
            InputError: with those flags.
        """
        is_page = kind is not None and kind.holds is Holds.PAGE
        if self.terminal and kind is not SCREENSHOT:
            hint = f"give -o FILE{SCREENSHOT.suffix}"
            raise InputError(f"--terminal writes only {SCREENSHOT.title} files", hint=hint)
        idle = {
            "--col": self.col is not None and not is_page and self.what != FEATURES,
            "--patches": self.patches is not None and self.image is None,
            "--values": self.values and self.what == FEATURES,
            "--image": self.image is not None and self.what == FEATURES,
        }
        needs = {
            "--col": f"--what {FEATURES}, or a page",
            "--patches": "--image",
            "--values": "a map",
            "--image": "a map",
        }
        for flag in (flag for flag, is_idle in idle.items() if is_idle):
            raise InputError(f"{flag} has no effect without {needs[flag]}", hint="leave it out")
        if self.image is not None and (kind is None or self.terminal):
            raise InputError("--image draws into a file", hint=f"give -o FILE{PICTURE} or -o FILE{PAGE}")
