"""Hugging Face ``datasets``: Parquet a split with images inside, and the card that ``load_dataset(folder)`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfm_gt.datasets.frames import Frame
from sfm_gt.errors import InputError
from sfm_gt.exporters.shared.clip import ExportedClip, all_frames
from sfm_gt.exporters.shared.sample import LAYERS, facts, layer_bytes

SPLITS = {"train": "train", "val": "validation", "test": "test"}
FRAMES_A_FILE = 200  # in memory at once
CARD = """---
configs:
- config_name: default
  data_files:
{files}
---
Metric depth ground truth by structure from motion. `depth` and `sigma` are 16-bit images in steps of `depth_unit` and
`sigma_unit`, 0 = invalid; lengths are metres where `metric`. `outlier` is the probability, in steps of 1/255, that depth is
off by more than 10 %, so that `sigma` does not apply. Clips, sources and licences: `export.json`.
"""


class HuggingFaceExporter:
    """``data/<split>-NNNNN.parquet`` and ``README.md``. Needs the extra ``export``."""

    VERSION = 2
    LENGTHS = "any"

    def __init__(self) -> None:
        try:
            import datasets
        except ImportError:
            raise InputError("format huggingface needs the package datasets: pip install 'sfm-gt[export]'") from None
        self._datasets = datasets

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the files into ``folder``."""
        (folder / "data").mkdir()
        counts = {split: self._write_split([c for c in clips if c.split == split], folder / "data", name)
                  for split, name in SPLITS.items()}  # fmt: skip
        files = [f"  - split: {SPLITS[split]}\n    path: data/{SPLITS[split]}-*.parquet"
                 for split, count in counts.items() if count]  # fmt: skip
        (folder / "README.md").write_text(CARD.format(files="\n".join(files)))
        return {"rows": counts}

    def _write_split(self, clips: Sequence[ExportedClip], folder: Path, name: str) -> int:
        frames = list(all_frames(clips))
        for number, first in enumerate(range(0, len(frames), FRAMES_A_FILE)):
            rows = [_row(clip, frame) for clip, frame in frames[first : first + FRAMES_A_FILE]]
            table = self._datasets.Dataset.from_list(rows, features=self._features())
            table.to_parquet(folder / f"{name}-{number:05d}.parquet")
        return len(frames)

    def _features(self) -> Any:
        value, image = self._datasets.Value, self._datasets.Image
        texts = ("clip_id", "video_id", "split", "license", "source")
        whole = ("frame_index", "width", "height")
        numbers = ("timestamp_s", "depth_unit", "sigma_unit", "sigma_log_scale", "fx", "fy", "cx", "cy")
        return self._datasets.Features(
            {layer: image() for layer in LAYERS}
            | {key: value("string") for key in texts}
            | {key: value("int64") for key in whole}
            | {key: value("float64") for key in numbers}
            | {"metric": value("bool"), "cam_from_world": self._datasets.List(value("float64"), length=16)}
        )


def _row(clip: ExportedClip, frame: Frame) -> dict[str, Any]:
    images = {layer: {"bytes": content, "path": None} for layer, content in layer_bytes(frame).items()}
    return {layer: images.get(layer) for layer in LAYERS} | facts(clip, frame)


PLUGIN = HuggingFaceExporter
