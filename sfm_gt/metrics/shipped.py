"""Which protocols come with the package; apart from what reads them, because the configuration asks and has to load fast."""

from __future__ import annotations

from pathlib import Path

SHIPPED_FOLDER = Path(__file__).parent / "protocols"


def shipped() -> tuple[str, ...]:
    """Names of the protocols that come with the package, ours first."""
    names = sorted(path.stem for path in SHIPPED_FOLDER.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: name != "sfm_gt"))
