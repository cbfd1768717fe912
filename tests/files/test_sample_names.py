"""``sample:NAME``: the samples that come with the package, wherever a file may be given and from any folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attncli.files.open import split_name
from attncli.files.samples import find, samples
from tests.support.files import put
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import called


def test_every_sample_has_a_name_of_its_own() -> None:
    """Its name alone where that is enough, else with its suffix."""
    assert set(samples().values()) == {path for path in SAMPLES.iterdir() if path.suffix not in (".md", ".svg", ".png")}
    for name, path in samples().items():
        assert find(name) == find(path.name) == path
        assert name in (path.stem, path.name)
    assert {"article", "coreference", "article-query.csv", "article-query.npy"} <= samples().keys()
    assert find("article-query").name == "article-query.csv"


@pytest.mark.parametrize("name", ["sample:decode", "sample:decode.npz"])
def test_it_is_read_as_the_file_is(name: str, tmp_path: Path) -> None:
    """By every command, in any folder; and one of its arrays."""
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "x".ljust(len(name) - 2, "x")  # a name as long, so that lines break alike
    path.write_bytes((SAMPLES / "decode.npz").read_bytes())
    file = f"a/{path.name}"
    for words in (["compute", "-f", "json"], ["explain"], ["inspect"], ["check"], ["plot"], ["score"]):
        found = called(words[0], name, *words[1:], cwd=tmp_path)
        assert found.out.replace(name, file) == called(words[0], file, *words[1:], cwd=tmp_path).out
    one = called("compute", f"{name}:q", f"{name}:k", f"{name}:v", "-f", "npy", cwd=tmp_path).raw
    files = [f"{SAMPLES}/decode.npz:{each}" for each in "qkv"]
    assert one == called("compute", *files, "-f", "npy").raw
    assert called("score", name, "--mask", "sample:graph:mask", status=2).err.startswith(
        "attn: sample:graph:mask: mask "
    )


def test_what_has_no_such_name_is_told_the_closest() -> None:
    """Or how all of them are listed."""
    cases = {
        "sample:corference": 'attn: sample:corference: there is no such sample\nhint: did you mean "coreference"?\n',
        "sample:xyz": "attn: sample:xyz: there is no such sample\nhint: attn inspect sample: lists them\n",
        "sample:": "attn: sample: there is no such sample\nhint: attn inspect sample: lists them\n",
        "sample:../README": "attn: sample:../README: there is no such sample\nhint: attn inspect sample: lists them\n",
    }
    for given, message in cases.items():
        assert called("compute", given, status=2).err == message
    assert "has no array 'quer'" in called("compute", "sample:port:quer", status=2).err


def test_files_of_that_name_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with any colon; a folder called sample is in nobody's way."""
    put(tmp_path, "sample:article", "1,2\n")
    assert called("compute", "sample:article", "-f", "csv", cwd=tmp_path).out == "1.0,2.0\n"
    (tmp_path / "sample").mkdir()
    assert called("compute", "sample:decode:query", "-f", "csv", "--head", "0", cwd=tmp_path).out
    (tmp_path / "sample").rmdir()
    put(tmp_path, "sample", json.dumps({"article": [[3, 4]]}))
    assert called("compute", "sample:article", "-f", "csv", cwd=tmp_path).out == "1.0,2.0\n"
    (tmp_path / "sample:article").unlink()
    assert called("compute", "sample:article", "-f", "csv", cwd=tmp_path).out == "3.0,4.0\n"
    monkeypatch.chdir(tmp_path)
    assert split_name("sample:article") == ("sample", "article")


def test_inspect_lists_them() -> None:
    """Each with its title; as a table and for programs."""
    listed = json.loads(called("inspect", "sample:", "-f", "json").out)
    assert [each["sample"] for each in listed] == [f"sample:{name}" for name in samples()]
    assert all(each["title"] for each in listed)
    table = called("inspect", "sample:", "--width", "400").out
    for each in listed:
        assert f"{each['sample']} " in table
        assert each["title"] in table


def test_the_wheel_brings_them() -> None:
    """Into the folder in which an installed package looks for them."""
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"samples": "attncli/samples"}
