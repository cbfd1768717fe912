"""When a search ends, and what it had no time for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from attncli.sentences import Sentence, word

# How long a search may take unless somebody says otherwise.
SECONDS = 20.0


@dataclass
class Deadline:
    """The end of a search, and what was left out because of it.

    Attributes:
        seconds: how long the search may take, from when this was made; ∞: as long as it needs.
        left_out: what there was no time for, or not enough.
        clock: what time it is, in seconds.
        began: when the search began; NaN: now.

    Example:
        >>> deadline = Deadline(0.0)
        >>> deadline.passed, deadline.left_out
        (True, [])
    """

    seconds: float = SECONDS
    left_out: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    began: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.began):
            self.began = self.clock()

    @property
    def passed(self) -> bool:
        """Whether there is no time left."""
        return self.clock() - self.began >= self.seconds

    @property
    def share(self) -> float:
        """How much of the time is over, from 0 to 1."""
        return min(1.0, (self.clock() - self.began) / self.seconds) if self.seconds else 1.0

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return max(0.0, self.began + self.seconds - self.clock())

    def again(self) -> Deadline:
        """Return the same end for another search."""
        return replace(self, left_out=[])

    def untried(self) -> tuple[Sentence, ...]:
        """Say what there was no time for."""
        return tuple(word("phase", each) for each in self.left_out)
