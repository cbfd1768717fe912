"""Files of other programs: refused in one line, with the one command that converts them."""

from __future__ import annotations

import ast
import io
import pickle
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.foreign import FOREIGN, Foreign
from attncli.files.formats import FORMATS
from attncli.files.open import read, read_stream
from tests.support.processes import called


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x02}q\x00.")
    return file.getvalue()


# The first bytes of each, as its specification or its writer has them.
HEADS = {
    "m.pt": (zipped("archive/data.pkl", "archive/data/0"), "a PyTorch file", "torch.load"),
    "m.pth": (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "a PyTorch file", "torch.load"),
    "pytorch_model.bin": (zipped("pytorch_model/data.pkl"), "a PyTorch file", "torch.load"),
    "m.pkl": (pickle.dumps({"query": [1.0]}), "a Python pickle", "pickle.load"),
    "m.parquet": (b"PAR1\x15\x04\x15\x20" + bytes(30) + b"PAR1", "a Parquet file", "read_parquet"),
    "m.feather": (b"ARROW1\0\0" + bytes(30), "a Feather file", "read_feather"),
    "m.xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "a spreadsheet", "read_excel"),
    "m.ods": (zipped("mimetype", "content.xml"), "a spreadsheet", "read_excel"),
    "m.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(30), "a spreadsheet", "read_excel"),
    "m73.mat": (b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(90), "a MATLAB 7.3 file", "h5py.File"),
    "m.mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(90), "a MATLAB file", "loadmat"),
    "m.csv.gz": (b"\x1f\x8b\x08\0" + bytes(30), "compressed", "gunzip"),
    "m.bz2": (b"BZh91AY&SY" + bytes(30), "compressed", "bunzip2"),
    "m.xz": (b"\xfd7zXZ\0" + bytes(30), "compressed", "unxz"),
    "m.zst": (b"\x28\xb5\x2f\xfd" + bytes(30), "compressed", "unzstd"),
    "m.bin": (np.arange(4, dtype="f4").tobytes(), "a file of numbers without their shape", "fromfile"),
}
BY_NAME_ALONE = {"m.bin"}


@pytest.mark.parametrize("name", HEADS)
def test_it_is_told_what_it_is_and_what_converts_it(tmp_path: Path, name: str) -> None:
    """In one line and one hint, which holds the name of the file; under another name, and in a pipe, likewise."""
    data, title, command = HEADS[name]
    path = tmp_path / name
    path.write_bytes(data)
    error, hint = called("inspect", name, cwd=tmp_path, status=2).err.splitlines()
    assert error == f"attn: {name}: is {title}, which is not read"
    assert hint.startswith("hint: ")
    assert command in hint
    assert name in shlex.split(hint, comments=True)
    assert len(hint) < 450
    if name not in BY_NAME_ALONE:
        for other in ("nameless", "m.csv", "m.npz"):
            (tmp_path / other).write_bytes(data)
            with pytest.raises(InputError, match=f"^is {title}, which is not read\nhint: "):
                read(str(tmp_path / other))
        with pytest.raises(InputError, match=f"^is {title}, which is not read\nhint: "):
            read_stream(io.BufferedReader(io.BytesIO(data)))


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.suffixes[0])
def test_the_name_is_enough(tmp_path: Path, kind: Foreign) -> None:
    """What has the suffix of another program and the first bytes of none is taken for its file."""
    for suffix in kind.suffixes:
        path = tmp_path / f"m{suffix.upper()}"
        path.write_bytes(b"(lp0\nF1.0\na.")
        with pytest.raises(InputError, match="which is not read"):
            read(str(path))


def test_no_suffix_is_ours_and_every_command_is_one() -> None:
    """Code in a command is Python, and nothing in a name can end it."""
    ours = {suffix for each in FORMATS.values() for suffix in each.suffixes}
    for kind in FOREIGN:
        assert not ours & set(kind.suffixes)
        words = shlex.split(kind.error("a dir/it's; $HOME.x").hint, comments=True)
        assert "a dir/it's; $HOME.x" in words
        if words[0] == "python":
            ast.parse(words[2])
            assert Path(words[4]).suffix in ours


def test_what_is_inside_counts_more_than_the_name(tmp_path: Path) -> None:
    """Our own formats are read under any name; and a table may begin like the files of others."""
    np.save(tmp_path / "q.npy", np.eye(2))
    np.savez(tmp_path / "q.npz", query=np.eye(2))
    for source, name in (("q.npy", "q.bin"), ("q.npz", "q.pkl")):
        (tmp_path / name).write_bytes((tmp_path / source).read_bytes())
        read(str(tmp_path / name))
    for text in ("PAR1,PAR2\n1,2\n", "BZh,x\n1,2\n", "ARROW1\n1\n"):
        (tmp_path / "t.csv").write_text(text)
        read(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580, 0x8B1F])
def test_safetensors_may_begin_as_a_pickle_does(tmp_path: Path, length: int) -> None:
    """Their first bytes are the length of their header, whatever that happens to be; in a pipe likewise."""
    header = b'{"query":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
    data = length.to_bytes(8, "little") + header.ljust(length) + np.array([1, 2], "<f4").tobytes()
    (tmp_path / "m.safetensors").write_bytes(data)
    for found in (read(str(tmp_path / "m.safetensors")), read_stream(io.BufferedReader(io.BytesIO(data)))):
        assert isinstance(found, Named)
        assert found.arrays["query"].tolist() == [[1, 2]]


def test_the_command_for_pickles_makes_a_file_that_is_read(tmp_path: Path) -> None:
    """It is run here as it is printed, on one array and on several; the others need libraries of their own."""
    (tmp_path / "several.pkl").write_bytes(pickle.dumps({"query": np.eye(2), "hidden": np.ones((3, 2))}))
    (tmp_path / "one.pkl").write_bytes(pickle.dumps(np.eye(2)))
    for name in ("several", "one"):
        hint = called("compute", f"{name}.pkl", cwd=tmp_path, status=2).err.splitlines()[1].removeprefix("hint: ")
        words = shlex.split(hint, comments=True)
        subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    assert called("compute", "several.npz", "-f", "csv", cwd=tmp_path).out == "1.0,1.0\n1.0,1.0\n"
    assert called("compute", "one.npz:hidden", "--step", "score", "-f", "csv", cwd=tmp_path).out == "1.0,0.0\n0.0,1.0\n"


def test_raw_numbers_too(tmp_path: Path) -> None:
    """Once their shape is filled in."""
    np.arange(6, dtype="f4").tofile(tmp_path / "m.bin")
    hint = called("compute", "m.bin", cwd=tmp_path, status=2).err.splitlines()[1].removeprefix("hint: ")
    words = shlex.split(hint.replace("ROWS, COLUMNS", "2, 3"))
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    assert np.load(tmp_path / "m.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
