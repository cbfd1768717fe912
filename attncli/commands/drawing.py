"""What `attn plot` draws, and where: its flags, and which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.groups import shown
from attncli.commands.presentation import Screening, written_in
from attncli.errors import InputError
from attncli.files.formats import FORMATS, Format, Holds, that_hold
from attncli.plot.asked import Asked, head_of
from attncli.plot.picture import FEATURES, KINDS
from attncli.problem.selection import choice_of

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

    def asked(self) -> Asked:
        """Return what to draw.

        Raises:
            InputError: flags contradict each other, or one does not say which head or batch item.
        """
        head = head_of(self.head, all_heads=self.all_heads)
        return Asked(
            self.what,
            choice_of(self.batch, head),
            self.row,
            self.col,
            self.image,
            self.patches,
            values=self.values,
            lang=self.language(),
        )

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
        asked = self.asked()
        asked.check(page=is_page)
        if self.image is not None and (kind is None or self.terminal):
            raise InputError("--image draws into a file", hint=f"give -o FILE{PICTURE} or -o FILE{PAGE}")
