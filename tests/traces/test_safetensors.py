"""Safetensors in and out, with bytes written by hand as the format's description says."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from attncli.errors import InputError
from attncli.files.contents import Matrix, Named
from attncli.files.open import read
from tests.support.places import SAMPLES
from tests.support.processes import attn


def tensors(header: object, data: bytes) -> bytes:
    """Write a file: the length of the header in 8 bytes, the header, the data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def one(dtype: str, shape: list[int], data: bytes) -> bytes:
    return tensors({"query": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}, data)


def put(folder: Path, data: bytes) -> Path:
    path = folder / "f.safetensors"
    path.write_bytes(data)
    return path


def query(path: Path) -> np.ndarray:
    contents = read(str(path))
    assert isinstance(contents, Named)
    return np.asarray(contents.arrays["query"])


@pytest.mark.parametrize(
    ("dtype", "data", "numbers"),
    [
        ("F64", struct.pack("<2d", 1.5, -2), [1.5, -2]),
        ("F32", struct.pack("<2f", 1.5, -2), [1.5, -2]),
        ("F16", struct.pack("<2e", 1.5, -2), [1.5, -2]),
        # bfloat16 is the upper half of float32: 1.5 is 0x3FC0, −2 is 0xC000.
        ("BF16", b"\xc0\x3f\x00\xc0", [1.5, -2]),
        # e4m3: sign, 4 bits of exponent with bias 7, 3 of mantissa: 1.5 is 0 0111 100, −2 is 1 1000 000.
        ("F8_E4M3", b"\x3c\xc0", [1.5, -2]),
        # e5m2: bias 15: 1.5 is 0 01111 10, −2 is 1 10000 00.
        ("F8_E5M2", b"\x3e\xc0", [1.5, -2]),
        # e8m0: an exponent alone, with bias 127: 0.5 and 8.
        ("F8_E8M0", b"\x7e\x82", [0.5, 8]),
        ("I64", struct.pack("<2q", 3, -4), [3, -4]),
        ("I32", struct.pack("<2i", 3, -4), [3, -4]),
        ("U8", b"\x03\xff", [3, 255]),
        ("BOOL", b"\x01\x00", [True, False]),
    ],
)
def test_every_type_is_read(tmp_path: Path, dtype: str, data: bytes, numbers: list[float]) -> None:
    """Bits by hand, from the definitions of the types."""
    assert query(put(tmp_path, one(dtype, [2], data))).astype(float).tolist() == numbers


def test_a_file_is_mapped_not_read(tmp_path: Path) -> None:
    """What is changed in the file is changed in the array."""
    path = put(tmp_path, one("F32", [2], struct.pack("<2f", 1, 2)))
    array = query(path)
    with path.open("r+b") as file:
        file.seek(-8, 2)
        file.write(struct.pack("<f", 7))
    assert array.tolist() == [7, 2]


def test_metadata_holds_texts_labels_and_options(tmp_path: Path) -> None:
    """What other programs put there is left alone."""
    said = {"options": '{"causal": true}', "title": "T", "query_labels": '["a", "b"]', "format": "pt"}
    entry = {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}
    contents = read(str(put(tmp_path, tensors({"__metadata__": said, "q": entry}, struct.pack("<2f", 1, 2)))))
    assert isinstance(contents, Named)
    assert (contents.options, contents.texts) == ({"causal": True}, {"title": "T"})
    assert contents.labels == {"query_labels": ("a", "b")}
    assert contents.arrays["query"].tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tensors(b"{", b""), "broken safetensors file: "),
        (struct.pack("<Q", 1 << 20) + b'{"a": 1}', "broken safetensors file: "),
        (one("F32", [3], bytes(8)), "broken safetensors file: "),
        (one("F32", [2], bytes(8))[:-1], "broken safetensors file: "),
        (one("F4", [4], bytes(2)), "query: holds F4, which is not understood"),
        (
            tensors({"title": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
            "title must be a text in the metadata, not a tensor",
        ),
        (tensors({"__metadata__": {"options": "{"}}, b""), "broken JSON"),
        (tensors({"__metadata__": {"key_labels": '"a"'}}, b""), "key_labels is the text 'a', not a list of texts"),
        (b"\x93NUMPY\x01\x00", "is an NPY file, not safetensors"),
    ],
)
def test_broken_files_get_one_clear_line(tmp_path: Path, data: bytes, message: str) -> None:
    """With the file before it."""
    path = put(tmp_path, data)
    ran = attn("compute", path, status=2)
    assert ran.err.startswith(f"attn: {path}: ")
    assert message in ran.err.splitlines()[0]


def test_one_array_is_picked_by_any_name(tmp_path: Path) -> None:
    """As out of other archives."""
    path = put(tmp_path, one("F32", [2], struct.pack("<2f", 1, 2)).replace(b"query", b"layer"))
    contents = read(f"{path}:layer")
    assert isinstance(contents, Matrix)
    assert contents.array.tolist() == [1, 2]
    with pytest.raises(InputError, match="unknown name 'layer'"):
        read(str(path))


@pytest.mark.parametrize("name", ["induction.npz", "transliteration.npz", "window.json", "padding.json"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    """A problem passes through safetensors without a change, and a filter carries all of it."""
    attn("score", SAMPLES / name, "-o", tmp_path / "x.safetensors")
    through = attn("softmax", tmp_path / "x.safetensors").out
    piped = attn("softmax", "-", "-f", "json", stdin=attn("score", SAMPLES / name, "-f", "json").out.encode()).out
    assert json.loads(through) == json.loads(piped)
    raw = attn("score", SAMPLES / name, "-f", "safetensors").raw
    assert attn("softmax", "-", "-f", "json", stdin=raw).out == through


def test_another_program_reads_what_is_written(tmp_path: Path) -> None:
    """The package's own reader sees the same numbers."""
    attn("compute", SAMPLES / "article.json", "-o", tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert found["scores"].tolist() == [55, 70]  # worked out in samples/README.md
    assert_allclose(found["weights"], [1 / (1 + np.exp(15)), 1 / (1 + np.exp(-15))], rtol=1e-12)


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_narrow_numbers_pass_through_every_command(tmp_path: Path, kind: str) -> None:
    """They are computed as the float32 numbers that they stand for."""
    from safetensors.numpy import save_file

    with np.load(SAMPLES / "induction.npz") as sample:
        states = {name: sample[name].astype(getattr(ml_dtypes, kind)) for name in ("query", "key", "value")}
    narrow, wide = tmp_path / "narrow.safetensors", tmp_path / "wide.npz"
    options = '{"scale": 0.125, "causal": true}'
    save_file(states, narrow, {"options": options})
    np.savez(wide, **{name: array.astype(np.float32) for name, array in states.items()}, options=options)
    outputs = [json.loads(attn("compute", path, "-f", "json").out)["output"] for path in (narrow, wide)]
    assert outputs[0] == outputs[1]
    attn("compute", narrow, "--step", "sum", "-o", tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").tolist() == outputs[0]
    piped = attn("score", narrow).out.encode()
    weights = attn("softmax", "-", stdin=piped).out.encode()
    assert json.loads(attn("sum", "-", stdin=weights).out)["output"] == outputs[0]
    assert kind in attn("inspect", narrow).out
    attn("check", narrow, "--expected", tmp_path / "out.npy")
    for command in ("explain", "plot"):
        attn(command, narrow)


def test_a_large_output_of_narrow_numbers_is_streamed(tmp_path: Path) -> None:
    """Zero queries give the mean of the values, here of as many ones as threes."""
    from safetensors.numpy import save_file

    half = ml_dtypes.bfloat16
    value = np.ones((1100, 8), half)
    value[::2] = 3
    save_file(
        {"query": np.zeros((1100, 8), half), "key": np.ones((1100, 8), half), "value": value},
        tmp_path / "x.safetensors",
    )
    attn("compute", tmp_path / "x.safetensors", "-o", tmp_path / "out.npy")
    out = np.load(tmp_path / "out.npy")
    assert (out.dtype, out.shape) == (np.float32, (1100, 8))
    assert np.abs(out - 2).max() < 1e-6
