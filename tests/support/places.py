"""Where things are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
SAMPLES = ROOT / "samples"
GOLDEN = ROOT / "tests" / "golden"
# port.npz holds what a port makes of a layer, not what the model does, and encoder.npz several layers without outputs.
RECORDED = sorted(set(SAMPLES.glob("*.npz")) - {SAMPLES / "port.npz", SAMPLES / "encoder.npz"})
