"""The stages of one clip, each made when it is not current and something that has to be made reads it.

A stage is current when its key is the expected one and its files are those that it wrote. Keys hang on inputs and settings
alone, so they are known before anything is made, and a stage whose files are gone is not missed until somebody reads them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sfm_gt.errors import InputError
from sfm_gt.formats.dense_maps import remove_dense_maps
from sfm_gt.formats.frame_folder import frame_path
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, check_files
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.clip_stage import begins, say
from sfm_gt.workflow.currency import made

INTERMEDIATE = ("frames", "dense", "moving", "clean")
"""Stages whose files go when the maps stand. What SfM found stays, and so do the maps: they are small, or dear to make."""
log = logging.getLogger("sfm_gt")


@dataclass(frozen=True)
class Step:
    """One stage: the key that it is expected to have, whose files it reads, and how it is made."""

    key: str
    reads: tuple[str, ...]
    make: Callable[[], Manifest]


class ClipChain:
    """Makes stages of one clip and what they need."""

    def __init__(self, workspace: Workspace, clip_id: str, steps: Mapping[str, Step]):
        self._workspace, self._clip_id, self._steps = workspace, clip_id, steps
        self._current: set[str] = set()

    def ensure(self, stage: str) -> None:
        """Makes the stage unless it is current."""
        if stage in self._current:
            return
        folder = self._workspace.clip_stage(self._clip_id, stage)
        made(self._mark(stage), self._steps[stage].key, lambda: self._make(stage), lambda: _is_intact(folder))
        self._current.add(stage)

    def _make(self, stage: str) -> None:
        for read in self._steps[stage].reads:
            self.ensure(read)
        begins(stage)
        say(self._steps[stage].make())

    def clear_frame(self, frame_index: int) -> None:
        """Removes the two largest files of a frame whose maps are complete, so that both never lie side by side."""
        for stage in ("frames", "dense"):
            self._mark(stage).unlink(missing_ok=True)
        frame_path(self._workspace.clip_stage(self._clip_id, "frames"), frame_index).unlink(missing_ok=True)
        remove_dense_maps(self._workspace.clip_stage(self._clip_id, "dense"), frame_index)

    def clear(self) -> None:
        """Removes the files of the intermediate stages; their manifests stay, as verdicts quote them."""
        for stage in INTERMEDIATE:
            self._mark(stage).unlink(missing_ok=True)
            folder = self._workspace.clip_stage(self._clip_id, stage)
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != MANIFEST_NAME:
                    path.unlink()

    def _mark(self, stage: str) -> Path:
        return self._workspace.clip_stage(self._clip_id, stage).with_suffix(".key")


def _is_intact(folder: Path) -> bool:
    try:
        check_files(folder)
    except InputError as error:
        log.warning("warning: %s", error)
        return False
    return True
