"""Hugging Face ``datasets``: Parquet a split with images inside, and the card that ``load_dataset(folder)`` reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sfm_gt.datasets.frames import Frame
from sfm_gt.errors import InputError
from sfm_gt.exporters.shared.clip import ExportedClip, all_frames
from sfm_gt.exporters.shared.sample import LAYERS, facts, layer_bytes

SPLITS = {"train": "train", "val": "validation", "test": "test"}
FRAMES_A_FILE = 200  # in memory at once
# The hub's names of licences are SPDX in small letters; what it does not know is "other".
HUB_LICENSES = re.compile(r"cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[1-4]\.0|mit|apache-2\.0|bsd-3-clause|pddl|odc-by|odbl")
CARD = """---
license: [{licenses}]
task_categories: [depth-estimation]
tags: [structure-from-motion, ground-truth]
configs:
- config_name: default
  data_files:
{files}
---
Metric depth ground truth by structure from motion. `depth` and `sigma` are 16-bit images in steps of `depth_unit` and
`sigma_unit`, 0 = invalid; lengths are metres where `metric`. `outlier` is the probability, in steps of 1/255, that depth is
off by more than 10 %, so that `sigma` does not apply. Poses are `cam_from_world`, 4 x 4 row by row; intrinsics count pixel
centres at +0.5. The licence of each video stands in its rows, in `license`.
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

    def write(
        self, clips: Sequence[ExportedClip], folder: Path, picture: Callable[[Frame], bytes] | None = None
    ) -> dict[str, Any]:
        """Writes the files into ``folder``.

        Args:
            picture: gives the JPEG of a frame; None takes the data set's own.
        """
        (folder / "data").mkdir()
        counts = {split: self._write_split([c for c in clips if c.split == split], folder / "data", name, picture)
                  for split, name in SPLITS.items()}  # fmt: skip
        files = [f"  - split: {SPLITS[split]}\n    path: data/{SPLITS[split]}-*.parquet"
                 for split, count in counts.items() if count]  # fmt: skip
        (folder / "README.md").write_text(CARD.format(files="\n".join(files), licenses=", ".join(_hub_licenses(clips))))
        return {"rows": counts}

    def _write_split(
        self, clips: Sequence[ExportedClip], folder: Path, name: str, picture: Callable[[Frame], bytes] | None
    ) -> int:
        frames = list(all_frames(clips))
        for number, first in enumerate(range(0, len(frames), FRAMES_A_FILE)):
            rows = [_row(clip, frame, picture) for clip, frame in frames[first : first + FRAMES_A_FILE]]
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


def _hub_licenses(clips: Sequence[ExportedClip]) -> list[str]:
    stated = {str(clip.info["source"].get("license")).lower() for clip in clips}
    return sorted({name if HUB_LICENSES.fullmatch(name) else "other" for name in stated})


def _row(clip: ExportedClip, frame: Frame, picture: Callable[[Frame], bytes] | None) -> dict[str, Any]:
    layers = layer_bytes(frame) | ({"image": picture(frame)} if picture else {})
    images = {layer: {"bytes": content, "path": None} for layer, content in layers.items()}
    return {layer: images.get(layer) for layer in LAYERS} | facts(clip, frame)


PLUGIN = HuggingFaceExporter
