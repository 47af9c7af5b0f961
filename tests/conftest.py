"""Shapes and dtypes of annotated arrays are checked while tests run; real data is found or its tests skip loudly."""

from __future__ import annotations

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Numba compiles the functions of dense/ and of some metrics from their source, which the hook would wrap; models/ and
# stages/ hold few arrays.
METRICS = [
    f"metrics.{module}"
    for module in (
        "alignment", "bootstrap", "comparison", "crops", "depth", "edges", "evaluation", "grading", "kind_check",
        "noise_floor", "ordinal", "points", "pooling", "resizing", "structure", "tally", "temporal",
    )
]  # fmt: skip
GEOMETRY = [
    f"geometry.{module}" for module in ("alignment", "camera", "conventions", "transforms", "triangulation", "types")
]
install_import_hook([f"sfm_gt.{room}" for room in ("imaging", "scale", "sfm", "masks", "video", *GEOMETRY, *METRICS)],
                    "beartype.beartype")  # fmt: skip

from tests.masks.clips import frozen, jumping, standing, walking  # noqa: E402, F401 - fixtures of several folders, hooked

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of third-party data with truth, which is not part of the repository."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"no shared data beside the repository ({folder.parent.name}/{folder.name}): real-data tests not run"
        )
    return folder
