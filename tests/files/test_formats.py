"""The table of formats: whatever stands in it is read, written, offered, refused and documented."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.commands.app import build
from attncli.commands.drawing import PICTURES
from attncli.commands.explain import LESSONS
from attncli.commands.presentation import REPORTS
from attncli.errors import InputError
from attncli.files.contents import Cases, Contents, Matrix, Named
from attncli.files.formats import DATA, FORMATS, RESULTS, WRITTEN, Format, Holds, sniff
from attncli.files.open import read, read_stream
from attncli.files.save import encoded, mapped, save_problems
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, in_terminal

ARTICLE = SAMPLES / "article.json"
NAMES = re.compile(r"\.(" + "|".join(suffix[1:] for each in FORMATS.values() for suffix in each.suffixes) + r")\b")
# The files of a model as Hugging Face calls them, and a part of this package: none is an input or an output.
OTHER_FILES = re.compile(r"config\.json|\*\.safetensors|\*\.index\.json|page\.html")

PROBLEM = Named(
    {"query": np.array([[1.5, -2.0], [np.inf, 0.1]]), "weights": np.array([[0.25, 0.75], [1.0, 0.0]])},
    {"query_labels": ("a", "é"), "key_labels": ("1", "#2")},
    {"title": "t", "source": "s"},
    {"causal": True, "scale": 0.5},
)

every = pytest.mark.parametrize("kind", FORMATS.values(), ids=list(FORMATS))
data = pytest.mark.parametrize("kind", DATA, ids=[each.name for each in DATA])
results = pytest.mark.parametrize("kind", RESULTS, ids=[each.name for each in RESULTS])


@contextmanager
def extras(kind: Format) -> Iterator[None]:
    """Skip a test of a format whose extra is not installed here."""
    try:
        yield
    except InputError as error:
        if error.message != f"{kind.suffix} files need an extra":
            raise
        pytest.skip(error.hint)


def written(kind: Format, named: Named = PROBLEM) -> bytes:
    with extras(kind):
        return encoded(kind, named)


def ways(kind: Format, content: bytes, folder: Path) -> Iterator[Contents]:
    """Read a file by its name, by its first bytes, and the same from a pipe."""
    known, nameless = folder / f"x{kind.suffix}", folder / "x"
    for path in (known, nameless):
        path.write_bytes(content)
    with extras(kind):
        yield read(str(known))
        yield read(str(nameless))
        yield read_stream(io.BufferedReader(io.BytesIO(content)), kind)
        yield read_stream(io.BufferedReader(io.BytesIO(content)))


def test_no_name_or_suffix_stands_twice() -> None:
    """A file's suffix names one format."""
    suffixes = [suffix for each in FORMATS.values() for suffix in each.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)
    assert all(name == each.name for name, each in FORMATS.items())


def test_no_two_formats_write_the_same_bytes() -> None:
    """Where one module serves two of them, what tells it which one is passed on."""
    shared = [each for each in DATA if sum(other.module == each.module for other in DATA) > 1]
    assert len({written(each) for each in shared}) == len(shared)


@data
def test_what_is_written_is_read_again(kind: Format, tmp_path: Path) -> None:
    """By its name or its first bytes, from a file or a pipe: the same numbers, labels, texts and options."""
    for contents in ways(kind, written(kind), tmp_path):
        if kind.is_single:
            assert isinstance(contents, Matrix)
            assert_array_equal(contents.array, PROBLEM.arrays["weights"])
            if contents.row_labels is not None:  # few formats of one array have a place for them
                labels = (contents.row_labels, contents.column_labels)
                assert labels == (PROBLEM.labels["query_labels"], PROBLEM.labels["key_labels"])
        else:
            assert isinstance(contents, Named)
            assert contents.arrays.keys() == PROBLEM.arrays.keys()
            for name, array in PROBLEM.arrays.items():
                assert_array_equal(contents.arrays[name], array)
            found = (contents.labels, contents.texts, contents.options)
            assert found == (PROBLEM.labels, PROBLEM.texts, PROBLEM.options)


@data
def test_what_a_format_says_that_it_holds_it_holds(kind: Format, tmp_path: Path) -> None:
    """More than two axes, several arrays, several problems; the rest refuses them."""
    if kind.holds is Holds.MATRIX:
        with pytest.raises(InputError, match=f"output is 2×1×2, and {kind.title} holds one matrix"):
            encoded(kind, Named({"output": np.ones((2, 1, 2))}))
    if kind.holds is Holds.ARRAY:
        for contents in ways(kind, written(kind, Named({"output": np.ones((2, 1, 2))})), tmp_path):
            assert isinstance(contents, Matrix)
            assert contents.array.shape == (2, 1, 2)
    path = str(tmp_path / f"several{kind.suffix}")
    problems = {"a.1": PROBLEM, "a.2": Named({"key": np.eye(3)})}
    if kind.holds is not Holds.PROBLEMS:
        with pytest.raises(InputError, match="names no format"):
            save_problems(path, problems, False)
        return
    with extras(kind):
        save_problems(path, problems, False)
        contents = read(path)
    assert isinstance(contents, Cases)
    assert {name: list(named.arrays) for name, named in contents.named.items()} == {
        "a.1": ["query", "weights"],
        "a.2": ["key"],
    }
    assert [named.options for named in contents.named.values()] == [PROBLEM.options, {}]
    assert [named.labels for named in contents.named.values()] == [PROBLEM.labels, {}]


@data
def test_narrow_types_are_kept_or_their_loss_is_reported(kind: Format, tmp_path: Path) -> None:
    """And a folder gets the format that keeps them."""
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    if kind.holds is not Holds.PROBLEMS:
        return
    problems = {"a": Named({"query": np.ones((2, 3), bfloat16)})}
    notices = save_problems(str(tmp_path / f"x{kind.suffix}"), problems, False)
    assert (not notices) is kind.every_type
    save_problems(f"{tmp_path}/folder/", problems, False)
    (kept,) = (tmp_path / "folder").iterdir()
    for path, dtype in ((tmp_path / f"x{kind.suffix}", bfloat16 if kind.every_type else np.float32), (kept, bfloat16)):
        contents = read(str(path))
        assert isinstance(contents, Named)
        assert contents.arrays["query"].dtype == dtype


@data
def test_an_output_that_is_filled_in_place_is_read_again(kind: Format, tmp_path: Path) -> None:
    """As the same array written at once."""
    if not kind.in_place:
        assert kind.holds is not Holds.ARRAY
        assert not hasattr(module_of(kind), "begin")
        return
    path = str(tmp_path / f"x{kind.suffix}")
    with mapped(kind, path, (2, 3), np.dtype("f4"), False) as array:
        array[:] = [[1, 2, 3], [4, 5, 6]]
    contents = read(path)
    assert isinstance(contents, Matrix)
    assert contents.array.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert Path(path).read_bytes() == written(kind, Named({"output": np.array(contents.array)}))


def module_of(kind: Format) -> object:
    with kind.codec() as codec:
        return codec


@data
def test_a_format_is_recognised_or_its_name_is_needed(kind: Format) -> None:
    """Binary formats have to be: the hint is to rename the file. Of text CSV is what nothing else is."""
    real = sniff(written(kind))
    assert real is (kind if kind.recognise is not None else FORMATS["csv"])
    assert kind.text or kind.recognise is not None


@data
@pytest.mark.parametrize("through", ["a file", "a pipe"])
def test_no_truncated_or_damaged_file_makes_more_than_an_input_error(
    kind: Format, tmp_path: Path, through: str
) -> None:
    """Cut at every length, and with every byte inverted. A binary file that is cut is never taken for a whole one."""
    whole = written(kind)

    def opened(content: bytes) -> bool:
        path = tmp_path / f"x{kind.suffix}"
        try:
            if through == "a pipe":
                read_stream(io.BufferedReader(io.BytesIO(content)), kind)
            else:
                path.unlink(missing_ok=True)
                path.write_bytes(content)
                read(str(path))
        except InputError:
            return False
        return True

    with extras(kind):
        list(ways(kind, whole, tmp_path))
    cut = [length for length in range(len(whole)) if opened(whole[:length])]
    assert kind.text or not cut
    for at in range(len(whole)):
        opened(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])


def test_an_npy_file_that_ends_with_its_magic_is_told(tmp_path: Path) -> None:
    """Six bytes."""
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY")
    ran = attn("inspect", "x.npy", status=2, cwd=tmp_path)
    assert (ran.out, ran.err) == ("", "attn: x.npy: truncated: the NPY header ends before its version\n")


def test_the_choices_of_format_are_what_can_be_written() -> None:
    """`attn compute -f` offers every format that has a writer, and those that show tables."""
    writable = {each.name for each in DATA if hasattr(module_of(each), "write")}
    tables = {each.name for each in FORMATS.values() if each.holds is Holds.TABLES}
    for command in ("compute", "score", "softmax", "sum"):
        choices = next(each.type.choices for each in build(command).params if each.name == "format")
        assert set(choices) == writable | tables


@every
def test_some_command_writes_it(kind: Format) -> None:
    """No format is declared in vain; one that is read alone says so."""
    assert (kind in {*WRITTEN, *LESSONS, *REPORTS, *PICTURES}) is not kind.read_only


@results
def test_a_file_holds_what_standard_output_would(kind: Format, tmp_path: Path) -> None:
    """`-o` with the suffix and `-f` with the name are the same format, and every command reads it, a pipe included."""
    path = tmp_path / f"x{kind.suffix}"
    if kind.module:
        written(kind)
    ran = attn("compute", ARTICLE, "-f", kind.name, "--step", "softmax")
    assert attn("compute", ARTICLE, "-o", path, "--step", "softmax").raw == b""
    assert ran.raw.strip() == path.read_bytes().strip()
    assert ran.raw
    if kind.name in ("tsv", "npz"):  # one of text and one of bytes; the functions have read them all
        from_file, from_pipe = attn("inspect", path, "-f", "json"), attn("inspect", "-", "-f", "json", stdin=ran.raw)
        assert from_file.out.replace(str(path), "standard input") == from_pipe.out


@results
def test_only_text_goes_to_a_terminal(kind: Format) -> None:
    """Bytes would garble it; the hint says where else they can go."""
    ran = in_terminal("compute", ARTICLE, "-f", kind.name, "--step", "softmax", status=0 if kind.text else 2)
    refusal = f"attn: {kind.name} is not for terminals\nhint: use -o FILE{kind.suffix}, or a pipe\n"
    assert (ran == refusal) is not kind.text


@pytest.mark.parametrize("kind", LESSONS, ids=[each.name for each in LESSONS])
def test_an_explanation_in_every_format_that_is_offered(kind: Format, tmp_path: Path) -> None:
    """In a file, by its suffix."""
    attn("explain", ARTICLE, "-o", tmp_path / f"x{kind.suffix}", "--step", "softmax")
    assert (tmp_path / f"x{kind.suffix}").stat().st_size > 500


@pytest.mark.parametrize("kind", REPORTS, ids=[each.name for each in REPORTS])
def test_a_report_in_every_format_that_is_offered(kind: Format, tmp_path: Path) -> None:
    """Likewise."""
    attn("inspect", ARTICLE, "-f", kind.name, "-o", tmp_path / f"x{kind.suffix}")
    assert (tmp_path / f"x{kind.suffix}").stat().st_size > 100


def test_no_other_folder_knows_a_suffix_or_lists_formats() -> None:
    """Texts with a suffix in them and lists of names of formats stand in the code of files alone, examples aside."""
    found = []
    for path in sorted((ROOT / "attncli").rglob("*.py")):
        name = path.relative_to(ROOT / "attncli").as_posix()
        if not name.startswith("files/"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            examples = set(docstrings(tree))
            found += [f"{name}:{line}: {text!r}" for line, text in texts_with_formats(tree) if text not in examples]
    assert found == []


def docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node, clean=False) or ""


def texts_with_formats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and NAMES.search(OTHER_FILES.sub("", str(node.value))):
            yield node.lineno, str(node.value)
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            names = [each.value for each in node.elts if isinstance(each, ast.Constant)]
            if len(names) > 1 and set(names) <= set(FORMATS):
                yield node.lineno, ", ".join(map(str, names))
