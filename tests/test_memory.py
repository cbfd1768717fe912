"""What is available: a limit of the process or of one of its control groups counts like the memory of the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from attncli.cgroups import left
from tests.support.processes import environment

MB = 1 << 20


def process(folder: Path, groups: str, *mounts: str) -> Path:
    """Write what /proc says of a process: the groups that it is in, and where they are mounted."""
    folder /= "proc"
    folder.mkdir()
    (folder / "cgroup").write_text(groups)
    lines = [f"{30 + at} 23 0:{at} {mount}\n" for at, mount in enumerate(mounts)]
    (folder / "mountinfo").write_text("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" + "".join(lines))
    return folder


def group(folder: Path, **files: str) -> None:
    """Write the files of one control group; an underline in a name stands for its point."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text + "\n")


def test_every_limit_of_version_2_counts_up_to_the_root(tmp_path: Path) -> None:
    """Less what is in use, without the files that the system gives back; "max" is no limit."""
    top = tmp_path / "cgroup"
    group(top / "a" / "b", memory_max="max", memory_high=str(90 * MB), memory_current=str(50 * MB))
    (top / "a" / "b" / "memory.stat").write_text(f"anon {20 * MB}\ninactive_file {25 * MB}\nactive_file {5 * MB}\n")
    group(top / "a", memory_max=str(80 * MB), memory_high="max", memory_current=str(60 * MB))
    seen = process(tmp_path, "0::/a/b\n", f"/ {top} rw - cgroup2 cgroup rw")
    assert list(left(seen)) == [70 * MB, 20 * MB]


def test_version_1_is_read_beside_other_controllers(tmp_path: Path) -> None:
    """The group of a container is the mounted one itself; what stands above it is not to be seen."""
    top = tmp_path / "memory"
    group(top / "job", memory_limit_in_bytes=str(64 * MB), memory_usage_in_bytes=str(40 * MB))
    (top / "job" / "memory.stat").write_text(f"cache 1\ntotal_inactive_file {10 * MB}\ntotal_active_file {6 * MB}\n")
    group(top, memory_limit_in_bytes=str(1 << 62), memory_usage_in_bytes="0")
    groups = "9:cpu,cpuacct:/elsewhere\n4:memory:/docker/1f/job\n0::/\n"
    mounts = ("/ /none rw - cgroup cgroup rw,cpu,cpuacct", f"/docker/1f {top} rw - cgroup cgroup rw,memory")
    assert list(left(process(tmp_path, groups, *mounts))) == [40 * MB, 1 << 62]


@pytest.mark.parametrize("name", ["/../../elsewhere", "/elsewhere"])
def test_a_group_that_is_not_to_be_seen_leaves_the_one_that_is(tmp_path: Path, name: str) -> None:
    """A container may be told names that mean nothing in it."""
    group(tmp_path / "cgroup", memory_max=str(30 * MB), memory_current=str(10 * MB))
    seen = process(tmp_path, f"0::{name}\n", f"/mine {tmp_path}/cgroup rw - cgroup2 cgroup rw")
    assert list(left(seen)) == [20 * MB]


def test_without_groups_there_is_no_limit(tmp_path: Path) -> None:
    """Another system, or a group without limits."""
    assert list(left(tmp_path / "none")) == []
    group(tmp_path / "cgroup", memory_max="max", memory_current="7")
    assert list(left(process(tmp_path, "0::/\n", f"/ {tmp_path}/cgroup rw - cgroup2 cgroup rw"))) == []


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_what_ulimit_leaves_is_what_is_not_taken_yet(limit: str) -> None:
    """Of one GB: less than that by what the interpreter and NumPy take, and more than half of it."""
    script = (
        f"import resource; resource.setrlimit(resource.{limit}, (1 << 30, 1 << 30)); import numpy; "
        "from attncli.memory import available_memory; print(available_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment(OPENBLAS_NUM_THREADS="1"),
        check=True,
    )
    assert 1 << 29 < int(done.stdout) < (1 << 30) - (8 << 20)
