"""The notebooks run from the first cell to the last, on a small data set."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.exporters.small_dataset import write_dataset

NOTEBOOKS = Path(__file__).resolve().parents[1] / "examples" / "notebooks"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, which notebooks find by the environment."""
    write_dataset(tmp_path / "OUT")
    monkeypatch.setenv("SFM_GT_OUT", str(tmp_path / "OUT"))
    monkeypatch.setenv("SFM_GT_SCRATCH", str(tmp_path))
    return tmp_path


def _executed(name: str) -> list[nbformat.NotebookNode]:
    """Cells of code with what they put out; an error in one is the test's."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _text(cell: nbformat.NotebookNode) -> str:
    return "".join(str(output.get("text", "")) + str(output.get("data", "")) for output in cell.outputs)


def test_from_video_to_depth_shows_depth_and_points(run: Path) -> None:
    cells = _executed("from_video_to_depth")
    assert "near-000: 6 frames" in _text(cells[1]), "the metric clip of two"
    assert [("image/png" in _text(cell)) for cell in cells] == [False, False, True, False, True]


def test_grade_a_model_ends_in_tables(run: Path) -> None:
    cells = _executed("grade_a_model")
    shown = _text(cells[3])
    assert "everything_far" in shown
    assert "floor_is_near" in shown
    assert "video_depth_anything" in _text(cells[-1])


def test_notebooks_are_committed_without_outputs() -> None:
    found = sorted(NOTEBOOKS.glob("*.ipynb"))
    cells = [cell for path in found for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert len(found) == 2
    assert not any(cell.outputs or cell.execution_count for cell in cells)
