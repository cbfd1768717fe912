"""The files of a model promise no more than they hold, and what has no end is not read."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", exc_type=ImportError)

from attncli.commands.app import main
from attncli.errors import InputError
from attncli.trace import gguf
from tests.traces.families import save

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for family in ("bert", "albert", "llama", "marian"):
        save(folder, family)
    return folder


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a function that runs trace on a folder, expects it to fail, and returns what it said."""

    def run(folder: Path, *words: object) -> str:
        assert main(["trace", str(folder), "the cat", *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) <= 2
        return err

    return run


def changed(models: Path, family: str, target: Path, **said: object) -> Path:
    """Copy a model, with other things in its configuration."""
    folder = target / family
    shutil.copytree(models / family, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    return folder


@pytest.mark.parametrize(
    ("family", "name", "number", "tensors", "longest"),
    [
        # 5 of the embeddings, 16 of each of 3 layers, 2 of the pooler; 1024 positions are not among them, 512 are
        ("bert", "num_hidden_layers", 1_000_000, 55, 512),
        ("bert", "num_labels", 1_000_000_000, 55, 512),
        ("llama", "num_hidden_layers", 10**12, 30, 40),
    ],
)
def test_no_more_layers_and_labels_than_the_weights_can_be_of(
    models: Path, tmp_path: Path, refused: Refused, family: str, name: str, number: int, tensors: int, longest: int
) -> None:
    """It is said before any of them is made."""
    folder = changed(models, family, tmp_path, **{name: number})
    held = f"the weights are {tensors} tensors, whose longest axis is {longest}"
    assert refused(folder) == f"attn: {folder}/config.json: {name} is {number}, but {held}\n"


@pytest.mark.parametrize(
    ("family", "name", "number", "message"),
    [
        ("albert", "inner_group_num", 1_000_000, "its configuration makes more than 20500 parts, but its files hold "),
        ("llama", "head_dim", 1_000_000_000, "its configuration makes tensors of more than "),
        ("marian", "max_position_embeddings", 1_000_000, "its configuration makes a tensor of length 1000000 ("),
    ],
)
def test_whatever_a_number_is_called_no_model_is_built_far_larger_than_its_files(
    models: Path, tmp_path: Path, refused: Refused, family: str, name: str, number: int, message: str
) -> None:
    """Parts are counted and tensors measured while they take no memory yet."""
    folder = changed(models, family, tmp_path, **{name: number})
    assert refused(folder).startswith(f"attn: {folder}: {message}")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "generation_config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_only_regular_files_are_read(models: Path, tmp_path: Path, refused: Refused, name: str, kind: str) -> None:
    """A device has no end, and a pipe waits for ever."""
    folder = changed(models, "llama", tmp_path)
    (folder / name).unlink(missing_ok=True)
    if kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        os.mkfifo(folder / name)
    assert refused(folder) == f"attn: {folder / name}: is not a regular file\n"


def test_text_of_any_length_is_not_read(models: Path, tmp_path: Path, refused: Refused) -> None:
    """The files are mostly holes, and take no room on the disk."""
    folder = changed(models, "llama", tmp_path)
    os.truncate(folder / "tokenizer.json", 1 << 40)
    said = f"attn: {folder}/tokenizer.json: takes {1 << 40} bytes; at most {1 << 27} are read\n"
    assert refused(folder) == said
    os.truncate(folder / "config.json", 1 << 30)
    assert refused(folder) == f"attn: {folder}/config.json: takes {1 << 30} bytes; at most {1 << 24} are read\n"


def test_a_configuration_nested_without_end_is_one_line(models: Path, tmp_path: Path, refused: Refused) -> None:
    folder = changed(models, "llama", tmp_path)
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    assert refused(folder).startswith(f"attn: {folder}: cannot be loaded: ")


def test_no_more_tokens_are_generated_than_there_are_positions(models: Path, refused: Refused) -> None:
    """They would be computed one by one, for ever."""
    said = refused(models / "llama", "--generate", 10**12)
    assert said == "attn: 1000000000004 tokens are too many; the model reads at most 2048\n"


def text(words: bytes) -> bytes:
    return struct.pack("<Q", len(words)) + words


def header(*entries: bytes, tensors: tuple[bytes, ...] = (), counts: tuple[int, int] | None = None) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, *(counts or (len(tensors), len(entries)))) + b"".join([*entries, *tensors])


LAYERS = text(b"llama.block_count") + struct.pack("<II", 4, 2)
TOKENS = text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"bc")
SCORES = text(b"tokenizer.ggml.scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 1.5)
TENSOR = text(b"blk.0.attn_q.weight") + struct.pack("<IQQIQ", 2, 32, 48, 0, 0)


def test_the_header_of_a_gguf_file_is_read(tmp_path: Path) -> None:
    """By hand: whole numbers, arrays of texts and of numbers, which are passed over, and the shape of a tensor."""
    path = tmp_path / "m.gguf"
    path.write_bytes(header(TOKENS, LAYERS, SCORES, tensors=(TENSOR,)))
    assert gguf.read(path) == gguf.Held((1, 48), {"llama_block_count": 2})


@pytest.mark.parametrize(
    "data",
    [
        header(counts=(2**62, 0)),
        header(counts=(0, 2**62)),
        header(struct.pack("<Q", 2**62)),
        header(text(b"a") + struct.pack("<IIQ", 9, 8, 2**60)),
        header(text(b"a") + struct.pack("<IIQ", 9, 4, 2**60)),
        header(text(b"a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 100_000),
        header(text(b"a") + struct.pack("<I", 99)),
        header(tensors=(text(b"a") + struct.pack("<I", 2**31),)),
        header(LAYERS)[:-1],
        b"GGUF" + bytes(40),
        b"GGUF",
    ],
)
def test_a_gguf_file_that_promises_more_than_it_holds_is_refused(tmp_path: Path, data: bytes) -> None:
    """The library that reads it would go on counting."""
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(InputError, match="broken GGUF header"):
        gguf.read(path)


def test_layers_of_a_gguf_file_are_counted_too(tmp_path: Path, refused: Refused) -> None:
    many = text(b"llama.block_count") + struct.pack("<II", 4, 2**32 - 1)
    (tmp_path / "m.gguf").write_bytes(header(many, tensors=(TENSOR,)))
    held = "the weights are 1 tensor, whose longest axis is 48"
    assert refused(tmp_path) == f"attn: {tmp_path}/m.gguf: llama_block_count is {2**32 - 1}, but {held}\n"
