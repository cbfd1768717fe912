"""Little memory, no more threads, a full disk: told in one line, and not by the libraries underneath."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.support.places import SAMPLES
from tests.support.processes import attn, environment

RUN = "from attncli.__main__ import main; main()"


def limited(before: str, *words: object, cwd: Path) -> tuple[int, str]:
    """Run the program after a statement that limits it."""
    command = [sys.executable, "-c", f"{before}; {RUN}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment(), check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("megabytes", [70, 90, 110])
def test_addresses_that_do_not_suffice_for_numpy(megabytes: int, tmp_path: Path) -> None:
    """OpenBLAS would end the process with status 1, which says that something differs."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20,) * 2)"
    hint = "hint: ulimit -v shows what this shell allows"
    told = (2, f"attn: not enough memory to load NumPy\n{hint}\n")
    assert limited(limit, "check", SAMPLES / "port.npz", cwd=tmp_path) == told


def test_where_no_thread_can_be_started_one_does_the_work(tmp_path: Path) -> None:
    """And the result is the same."""
    np.save(tmp_path / "q.npy", np.random.default_rng(0).standard_normal((1200, 8)))
    attn("compute", "q.npy", "-o", "many.npy", "--threads", "3", cwd=tmp_path)
    words = ("compute", "q.npy", "-o", "one.npy", "--threads", "3")
    assert limited("import threading; threading.stack_size(1 << 60)", *words, cwd=tmp_path) == (0, "")
    assert_array_equal(np.load(tmp_path / "one.npy"), np.load(tmp_path / "many.npy"))


def test_what_went_wrong_first_is_told_where_an_archive_cannot_be_closed_either(tmp_path: Path) -> None:
    """zipfile would complain about a member that it closed too early."""
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.files.save import encoded
named = Named({"query": np.ones((5000, 1000))})  # 40 MB, and room for half of it
encoded(FORMATS["npz"], Named({"query": np.ones(1)}))
room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (20 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    encoded(FORMATS["npz"], named)
except Exception as error:
    sys.exit(repr(error))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert done.stderr == "MemoryError()\n"
