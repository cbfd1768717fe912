"""Files of other programs, which are not read: what they are, and the one command that makes a file of them that is.

None of them is opened here: some run code when they are, and all need a library of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from attncli.errors import InputError
from attncli.files.formats import FORMATS, PLAIN, Format, starts

ZIP = FORMATS["npz"]


class Foreign(NamedTuple):
    """One kind of file.

    Attributes:
        title: what messages call it, with its article.
        suffixes: how its files end.
        command: what converts it; ``{given}`` is the file, ``{made}`` the new one.
        made: the suffix of the new one.
        recognise: whether a file is of this kind, judging by its first bytes; None if they do not show it.
    """

    title: str
    suffixes: tuple[str, ...]
    command: str
    made: str
    recognise: Callable[[bytes], bool] | None = None

    def error(self, path: str) -> InputError:
        """Return the error about a file; its path is empty if it has no name."""
        import shlex  # only now: every command loads this module

        given = path or "FILE"
        made = Path(Path(given).name).with_suffix(self.made) if path else f"FILE{self.made}"
        hint = self.command.format(given=shlex.quote(given), made=shlex.quote(str(made)))
        return InputError(f"is {self.title}, which is not read", hint=hint)


def _python(code: str) -> str:
    """Return a command that runs Python code; the file is its first argument, the new one the second."""
    return f'python -c "import sys, {code}" {{given}} {{made}}'


def _zipped(*names: bytes) -> Callable[[bytes], bool]:
    """Return what recognises a ZIP archive by the beginning or the end of the name of its first member."""

    def recognise(head: bytes) -> bool:
        first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return head.startswith(b"PK\x03\x04") and (first.startswith(names) or first.endswith(names))

    return recognise


def _like(pattern: bytes) -> Callable[[bytes], bool]:
    """Return what recognises a file by a pattern at its beginning, where a table might begin with the same letters."""
    return lambda head: re.match(pattern, head) is not None


def _either(*ways: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    return lambda head: any(way(head) for way in ways)


_TORCH = _python(
    "numpy, torch; d = torch.load(sys.argv[1], 'cpu', weights_only=True); d = d if isinstance(d, dict) else "
    "{{'hidden': d}}; numpy.savez(sys.argv[2], **{{n: (t.float() if t.dtype == torch.bfloat16 else t).detach().numpy() "
    "for n, t in d.items() if torch.is_tensor(t)}})"
)
_PICKLE = _python(
    "numpy, pickle; d = pickle.load(open(sys.argv[1], 'rb')); numpy.savez(sys.argv[2], **(d if isinstance(d, dict) "
    "else {{'hidden': d}}))"
)
# An HDF5 file behind a text, with the axes in the order of Fortran.
_MATLAB_7 = _python(
    "h5py, numpy; d = {{}}; h5py.File(sys.argv[1]).visititems(lambda n, o: d.update({{n: o[()].T}} if isinstance(o, "
    "h5py.Dataset) else {{}})); numpy.savez(sys.argv[2], **d)"
)
_MATLAB = _python(
    "numpy, scipy.io; numpy.savez(sys.argv[2], **{{n: a for n, a in scipy.io.loadmat(sys.argv[1]).items() if n[0] != "
    "'_'}})"
)
_EXCEL = _python(
    "pandas; pandas.read_excel(sys.argv[1], header=None, dtype=object).to_csv(sys.argv[2], index=False, header=False)"
)
_RAW = _python("numpy; numpy.save(sys.argv[2], numpy.fromfile(sys.argv[1], 'float32').reshape(ROWS, COLUMNS))")

PICKLE = Foreign(
    "a Python pickle",
    (".pkl", ".pickle", ".joblib"),
    _PICKLE + "  # it can run any code: only if you trust it",
    ".npz",
    starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
)
# In the order in which they are recognised.
FOREIGN = (
    Foreign(
        "a PyTorch file",
        (".pt", ".pth", ".ckpt", ".bin"),
        _TORCH,
        ".npz",
        _either(_zipped(b"/data.pkl"), starts(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")),
    ),
    PICKLE,
    Foreign(
        "a Parquet file",
        (".parquet",),
        _python("pandas; pandas.read_parquet(sys.argv[1]).to_csv(sys.argv[2], index=False)"),
        ".csv",
        _like(rb"PAR1[\x00-\x08\x0e-\x1f]"),
    ),
    Foreign(
        "a Feather file",
        (".feather", ".arrow"),
        _python("pandas; pandas.read_feather(sys.argv[1]).to_csv(sys.argv[2], index=False)"),
        ".csv",
        starts(b"ARROW1\0"),
    ),
    Foreign(
        "a spreadsheet",
        (".xlsx", ".xls", ".xlsm", ".ods"),
        _EXCEL,
        ".csv",
        _either(
            _zipped(b"[Content_Types].xml", b"xl/", b"_rels/", b"docProps/", b"mimetype"),
            starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ),
    ),
    Foreign("a MATLAB 7.3 file", (".mat",), _MATLAB_7, ".npz", starts(b"MATLAB 7.3")),
    Foreign("a MATLAB file", (".mat",), _MATLAB, ".npz", starts(b"MATLAB 5.0")),
    Foreign("compressed", (".gz",), "gunzip --keep {given}", "", starts(b"\x1f\x8b")),
    Foreign("compressed", (".bz2",), "bunzip2 --keep {given}", "", _like(rb"BZh[1-9]1AY&SY")),
    Foreign("compressed", (".xz",), "unxz --keep {given}", "", starts(b"\xfd7zXZ\x00")),
    Foreign("compressed", (".zst",), "unzstd {given}", "", starts(b"\x28\xb5\x2f\xfd")),
    Foreign("a file of numbers without their shape", (".bin", ".raw"), _RAW, ".npy"),
)


def check(path: str, head: bytes, real: Format) -> None:
    """Refuse a file of another program.

    Args:
        path: of the file; empty if it has no name.
        head: its first bytes.
        real: the format that they are recognised as.

    Raises:
        InputError: with the command that converts it.
    """
    if not real.text and real is not ZIP:
        return  # safetensors begin with a number, which may be what a pickle or gzip begins with; ZIP is of many kinds
    by_head = [each for each in FOREIGN if each.recognise is not None and each.recognise(head)]
    by_name = [each for each in FOREIGN if Path(path).suffix.lower() in each.suffixes]
    if by_name and (by_head == [PICKLE] or (not by_head and (real is PLAIN or (real is ZIP and b".npy" not in head)))):
        # What ends in .bin is PyTorch's if it is an archive or a pickle, and else numbers alone.
        raise by_name[0 if head.startswith((b"PK", b"\x80")) else -1].error(path)
    if by_head:
        raise by_head[0].error(path)
