"""python -m tests.mistakes.exam: run the exam, and print the confusion table."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.mistakes.exam.judging import OUTCOMES, Said
from tests.mistakes.exam.running import answers, right_questions, wrong_questions

# How much of what was said is shown.
MOST = 220


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser("python -m tests.mistakes.exam", description="The exam of attn check.")
    parser.add_argument("--kinds", default="", metavar="PATTERN", help="only what has it: 'id in set-up size type'")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="N", help="that a check may take (20)")
    parser.add_argument("--minutes", type=float, default=1e4, metavar="N", help="stop asking after so long")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask every so-manieth question only")
    parser.add_argument("--right", action="store_true", help="right outputs by other routes instead of wrong ones")
    parser.add_argument("--held-out", action="store_true", help="the kinds that are held out instead of the others")
    parser.add_argument("--quiet", action="store_true", help="no list of what went wrong")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every answer there")
    return parser.parse_args()


def main() -> int:
    """Ask, print, and return 0."""
    given = arguments()
    if given.right:
        asking = right_questions(given.kinds, given.seconds)
    else:
        asking = wrong_questions(given.kinds, held_out=given.held_out, seconds=given.seconds)
    # In any order, so that every so-manieth, or what was asked until the time is over, is a sample of all.
    random.Random(7).shuffle(asking)
    asking = asking[:: given.every]
    done: Counter[str] = Counter()

    def told(said: Said) -> None:
        done[said.outcome] += 1
        if sys.stderr.isatty():
            print(f"\r{done.total()} of at most {len(asking)}", end="", file=sys.stderr, flush=True)

    found = sorted(answers(asking, told, 60 * given.minutes), key=lambda said: said.name)
    if not found:
        print("nothing to ask", file=sys.stderr)
        return 2
    print(table(found))
    if not given.quiet:
        for line in failures(found, right=given.right):
            print(line)
    print(times(found))
    if given.json:
        given.json.write_text(json.dumps([asdict(said) for said in found], indent=1, ensure_ascii=False))
    return 0


def table(found: Sequence[Said]) -> str:
    """The confusion table: families down, outcomes across."""
    families = list(dict.fromkeys(said.family for said in found))
    width = max(map(len, [*families, "family"])) + 2
    lines = ["family".ljust(width) + "asked".rjust(7) + "".join(name.rjust(11) for name in OUTCOMES)]
    for family in [*families, "all"]:
        some = Counter(said.outcome for said in found if family in (said.family, "all"))
        counts = "".join(str(some[name] or "·").rjust(11) for name in OUTCOMES)
        lines.append(family.ljust(width) + str(some.total()).rjust(7) + counts)
    every = Counter(said.outcome for said in found)
    shares = "".join(f"{every[name] / len(found):.1%}".rjust(11) for name in OUTCOMES)
    plain = sum(every[name] for name in ("first", "named", "described")) / len(found)
    kinds = len({said.name.partition(" in ")[0] for said in found})
    legend = "; ".join(f"{name}: {what}" for name, what in OUTCOMES.items())
    return "\n".join(
        [*lines, "share".ljust(width + 7) + shares, f"{kinds} kinds; named or described: {plain:.1%}", legend]
    )


def failures(found: Sequence[Said], *, right: bool) -> list[str]:
    """What was not named first, or of right outputs what does not agree; by outcome."""
    good = ("agrees",) if right else ("first",)
    lines = []
    for outcome in OUTCOMES:
        some = [said for said in found if said.outcome == outcome and outcome not in good]
        lines += [f"\n{outcome}: {OUTCOMES[outcome]}"] * bool(some)
        for said in some:
            words = " | ".join(said.texts) or "(nothing)"
            lines.append(f"  {said.name} ({said.seconds:.1f} s): {words[:MOST]}{'…' * (len(words) > MOST)}")
    return lines


def times(found: Sequence[Said]) -> str:
    """The longest, and the median, with the name of the longest."""
    longest = max(found, key=lambda said: said.seconds)
    median = statistics.median(said.seconds for said in found)
    return f"\ntime: median {median:.2f} s, longest {longest.seconds:.1f} s ({longest.name})"


if __name__ == "__main__":
    raise SystemExit(main())
