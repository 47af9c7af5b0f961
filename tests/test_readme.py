"""README's Python runs as it stands there, on a small data set; it is short enough to be read, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sfm_gt.cli import main
from tests.exporters.small_dataset import FRAMES, write_dataset

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
MAX_WORDS = 900
MAX_PICTURE_BYTES = 1_500_000


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with OUT/, to which README's paths are relative."""
    write_dataset(tmp_path / "OUT")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _python(word: str) -> Any:
    """The one block of Python that holds a word."""
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in block]
    return compile(code, "README.md", "exec")


def test_predictions_written_as_readme_says_are_graded(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exec(_python("my_model"), {"my_model": lambda image: np.full(image.shape[:2], 4.0, np.float32)})
    assert len(list(here.glob("PREDICTIONS/*/*.npy"))) == 2 * len(FRAMES)
    (line,) = [line.split("#")[0] for line in README.splitlines() if line.startswith("sfm-gt evaluate")]
    monkeypatch.setattr("sys.argv", line.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "| PREDICTIONS |" in (here / "evaluation" / "table.md").read_text()


def test_the_training_loop_has_a_finite_loss(here: Path) -> None:
    seen: dict[str, Any] = {"my_network": lambda images: torch.full((len(images), 1, *images.shape[2:]), 4.0)}
    exec(_python("my_network"), seen)
    assert 0 < float(seen["loss"]) < float("inf")


def test_readme_can_be_read_in_minutes() -> None:
    assert len(README.split()) < MAX_WORDS


def test_pictures_are_there_and_small() -> None:
    pictures = [REPOSITORY / path for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)]
    assert len(pictures) == 2
    assert all(0 < picture.stat().st_size <= MAX_PICTURE_BYTES for picture in pictures)
