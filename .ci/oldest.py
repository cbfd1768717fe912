"""Print pip constraints that pin what the package and its tests need to the oldest versions that pyproject allows."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
needed = [
    *project["dependencies"],
    *(each for extra in ("test", "hdf5", "safetensors", "zarr") for each in extras[extra]),
]
for requirement in needed:
    if found := re.match(r"([\w.-]+)>=([\d.]+)", requirement):
        print(f"{found[1]}=={found[2]}")
