"""The small data set and its exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfm_gt.commands import export
from tests.exporters.small_dataset import write_dataset


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("out"))


@pytest.fixture
def exported(out, tmp_path):
    def run(name: str) -> Path:
        export.run(out, name, tmp_path / name)
        return tmp_path / name

    return run
