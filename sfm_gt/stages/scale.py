"""Scale: metres per SfM unit of one clip from the sidecar's cues, or ``metric: false`` with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt import registry
from sfm_gt.config import ScaleConfig
from sfm_gt.errors import NoEvidenceError
from sfm_gt.formats.manifest import Manifest, write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages.clip_stage import run_clip_stage

if TYPE_CHECKING:
    from sfm_gt.scale.estimate import Evidence, ScaleEstimate

STAGE = "scale"
VERSION: int = 1
SCALE_NAME = "scale.json"


def run(workspace: Workspace, clip_id: str, sidecar: Path | None, config: ScaleConfig) -> Manifest:
    """Writes ``work/clips/<clip>/scale/scale.json``."""
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, "sfm",
        lambda folder: _scale(folder, workspace, clip_id, sidecar, config),
    )  # fmt: skip


def _scale(
    folder: Path, workspace: Workspace, clip_id: str, sidecar: Path | None, config: ScaleConfig
) -> dict[str, Any]:
    from sfm_gt.scale.fusion import fuse

    cues, refused = _ask_cues(_evidence(workspace, clip_id, sidecar), config.cues)
    content: dict[str, Any] = {"metric": False, "metric_from_sfm": None, "sigma_log_scale": None, "notes": refused}
    try:
        fused = fuse(cues, config.max_disagreement_sigma)
        if fused.sigma_log_scale > config.max_sigma_log_scale:
            raise NoEvidenceError(f"the scale is uncertain by {100 * fused.sigma_log_scale:.0f} %, allowed "
                                  f"{100 * config.max_sigma_log_scale:.0f} % (scale.max_sigma_log_scale)")  # fmt: skip
        content |= {"metric": True, **_described(fused), "notes": list(fused.notes) + refused}
    except NoEvidenceError as reason:
        content["notes"] = [f"metric: false, {reason}", *refused]
    content["cues"] = {name: _described(cue) | {"notes": list(cue.notes)} for name, cue in cues.items()}
    write_json(folder / SCALE_NAME, content)
    return {key: content[key] for key in ("metric", "metric_from_sfm", "sigma_log_scale")} | {"cues": sorted(cues)}


def _described(scale: ScaleEstimate) -> dict[str, Any]:
    import math

    return {"metric_from_sfm": math.exp(scale.log_scale), "sigma_log_scale": scale.sigma_log_scale,
            "n_observations": scale.n_observations}  # fmt: skip


def _ask_cues(evidence: Evidence, names: tuple[str, ...]) -> tuple[dict[str, ScaleEstimate], list[str]]:
    cues, refused = {}, []
    for name in names:
        try:
            cues[name] = registry.load("scale", name)().estimate(evidence)
        except NoEvidenceError as reason:
            refused.append(f"{name}: {reason}")
    return cues, refused


def _evidence(workspace: Workspace, clip_id: str, sidecar: Path | None) -> Evidence:
    from functools import lru_cache

    import cv2
    import numpy as np

    from sfm_gt.formats.sidecar import read_sidecar
    from sfm_gt.scale.estimate import Evidence
    from sfm_gt.stages.clip_views import ClipViews

    views = ClipViews(workspace, clip_id)
    shrink = np.array([views.frames.width / views.frames.source_width,
                       views.frames.height / views.frames.source_height])  # fmt: skip

    @lru_cache(maxsize=256)
    def load_gray(frame_index: int) -> np.ndarray:
        return cv2.cvtColor(views.image(frame_index), cv2.COLOR_RGB2GRAY)

    return Evidence(
        model=views.model, stated=read_sidecar(sidecar).scale, sidecar=sidecar, timestamps_s=views.timestamps_s,
        undistorted_px=lambda index, source_px: views.undistortion_of(index).undistorted_px(source_px * shrink),
        load_gray=load_gray,
    )  # fmt: skip
