"""Files and commands give what Python gives, to the last bit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping

import numpy as np

from attncli import steps
from attncli.files.contents import Named
from attncli.files.formats import DATA, FORMATS
from attncli.files.save import encoded
from tests.fuzz import forms
from tests.fuzz.campaign import Case
from tests.fuzz.compare import Truth, same_bits
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import Array, Problem, draw
from tests.fuzz.program import Place
from tests.fuzz.rules.order import TAME, tame
from tests.support.declared import flags

ARCHIVES = [each for each in DATA if each.is_archive]
# Positions up to here cost the scores few of their digits, whatever is multiplied by them.
FAR = 1000
RESULTS = ("scores", "capped", "logits", "weights", "output")


def _written(p: Problem, kind: str, *, options: bool = True) -> bytes:
    """Return a problem as a file; JSON says of which type its states are, which is one for all."""
    dtype = np.dtype(p.arrays["query"].dtype).name if kind == "json" else None
    return encoded(
        FORMATS[kind], Named(forms.arrays_of(p), options=forms.options_of(p) if options else {}, dtype=dtype)
    )


def _problem(case: Case) -> Problem:
    """Return a problem that every archive can hold: of one type, and finite where JSON has no word for more."""
    p = draw(case.numbers, TAME).typed(case.rng.choice(("f4", "f8", "f2")))
    p = p.changed(
        **{name: array.astype("f8") for name, array in p.arrays.items() if array.dtype.kind == "f" and array.ndim < 3}
    )
    if p.layout.hidden == ("key", "value"):
        p = p.changed(value=p.arrays["key"])
    p = p.changed(**{n: a.astype("f8") for n, a in p.arrays.items() if n in ("mask", "bias") and a.dtype != bool})
    case.about = forms.words(p)
    return p


def every_archive(case: Case) -> None:
    """A problem from any archive, with its options in it or as flags, gives the results of Python."""
    p, place = _problem(case), Place.at(case.folder)
    with np.errstate(all="ignore"):
        made = steps(**forms.given(p))
    for kind in ARCHIVES:
        inside = case.rng.random() < 0.5
        name = place.put(f"p{kind.suffix}", _written(p, kind.name, options=inside))
        more = [] if inside else flags({n: v for n, v in p.options.items() if n != "softcap" or v})
        run = place.run("compute", name, *_joined(more), "-f", "npz")
        if not run.done:
            raise BrokenError(f"a valid {kind.name} is refused", run.said)
        with np.load(io.BytesIO(run.out)) as found:
            for each in RESULTS:
                if getattr(made, each) is not None:
                    same_bits(found[each], getattr(made, each), f"{each} from {kind.name}")


def _joined(words: list[str]) -> list[str]:
    """Return flags with their values behind a sign: a value may begin with a minus."""
    joined: list[str] = []
    for word in words:
        if word.startswith("--"):
            joined.append(word)
        else:
            joined[-1] += f"={word}"
    return joined


def _table(delimiter: str) -> Callable[[bytes], Array]:
    return lambda data: np.loadtxt(io.BytesIO(data), delimiter=delimiter, ndmin=2)


# How one array is read back.
SINGLE: Mapping[str, Callable[[bytes], Array]] = {
    "csv": _table(","),
    "tsv": _table("\t"),
    "npy": lambda data: np.load(io.BytesIO(data)),
}


def every_format(case: Case) -> None:
    """A matrix from any format, and its results in any other, are those of Python."""
    place = Place.at(case.folder)
    rows, columns = case.rng.randint(1, 6), case.rng.randint(1, 5)
    matrix = case.numbers.standard_normal((rows, columns)) * case.rng.choice((1, 1, 1e-9, 1e9))
    made = steps(matrix, hidden=matrix, scale="sqrt")
    one, other = (case.rng.choice(DATA) for _ in range(2))
    case.about = f"{one.name} to {other.name}: {matrix.tolist()}"
    name = place.put(f"m{one.suffix}", encoded(one, Named({"hidden": matrix})))
    given = [name] if one.is_single else ["--query", f"{name}:hidden", "--hidden", f"{name}:hidden"]
    run = place.run("compute", *given, "--scale", "sqrt", "-f", other.name)
    if other.is_single:
        same_bits(np.atleast_2d(SINGLE[other.name](run.out)), made.output, f"output from {one.name} in {other.name}")
        return
    file = place.put(f"again{other.suffix}", run.out)
    for result in ("weights", "output"):
        again = place.run("inspect", "--query", f"{file}:{result}", "--hidden", f"{file}:{result}", "-f", "json")
        seen = json.loads(again.out)["arrays"]["query"]
        array = getattr(made, result)
        if (seen["shape"], seen["least"], seen["most"]) != (list(array.shape), array.min(), array.max()):
            raise BrokenError(f"{result} is not read back from {other.name}", f"{seen} of {array!r}")


def filters(case: Case) -> None:
    """score | softmax | sum gives what compute gives, to the last digit."""
    p, place = _problem(case), Place.at(case.folder)
    name = place.put("p.npz", _written(p, "npz"))
    whole = place.run("compute", name, "-f", "json")
    data = place.run("score", name, *_flagged(case)).out
    for command in ("softmax", "sum"):
        data = place.run(command, *_flagged(case), stdin=data).out
    last, wanted = json.loads(data), json.loads(whole.out)
    for each in RESULTS:
        if each in wanted and last[each] != wanted[each]:
            raise BrokenError(f"{each} of the filters is not that of compute", f"{last[each]} and {wanted[each]}")


def _flagged(case: Case) -> list[str]:
    return case.rng.choice(([], ["-f", "json"]))


def a_right_output(case: Case) -> None:
    """Is right to check, and a wrong one is not."""
    p, place = tame(case), Place.at(case.folder)
    p = p.without("dtype")
    # Far away, the penalties of ALiBi leave no digits of the scores: any output is right up to rounding then.
    if isinstance(offset := p.options.get("offset"), int) and abs(offset) > FAR:
        p = p.without("alibi")
    truth = Truth(p)
    right = truth.right["output"].astype(truth.plain[0]["output"].dtype)
    change = 0.1 * (1 + np.abs(right).max())
    arrays = forms.arrays_of(p) | {"expected": right}
    name = place.put("p.npz", encoded(FORMATS["npz"], Named(arrays, options=forms.options_of(p))))
    run = place.run("check", name, "--no-diagnose")
    if run.status != 0:
        raise BrokenError("check calls a right output wrong", run.said)
    wrong = Named(arrays | {"expected": right + change}, options=forms.options_of(p))
    name = place.put("q.npz", encoded(FORMATS["npz"], wrong))
    if place.run("check", name, "--no-diagnose").status != 1:
        raise BrokenError("check calls a wrong output right")


RULES = (every_archive, every_format, filters, a_right_output)
