"""The small data set that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets.small_tree import write_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of eight frames."""
    return write_tree(tmp_path_factory.mktemp("tree"), {"anna": 8, "bert": 8})
