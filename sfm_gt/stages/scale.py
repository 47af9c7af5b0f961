"""Scale: metres per SfM unit of one clip from the sidecar's cues, or ``metric: false`` with the reason."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt import registry
from sfm_gt.config import ModelConfig, ScaleConfig
from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps
from sfm_gt.formats.joints import JointTracks
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_manifest, write_json
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.sidecar_row import SidecarSource
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.on_disk import OnDiskModel
from sfm_gt.models.shared.prediction import FrameKey, MissingPredictionError
from sfm_gt.scale.shared.estimate import Evidence, NetworkEvidence, ScaleEstimate, need_depth
from sfm_gt.scale.shared.fusion import fuse
from sfm_gt.scale.shared.plausibility import implausible
from sfm_gt.scale.shared.pose_network import PoseNetwork
from sfm_gt.sfm.clip_views import ClipViews, read_mask
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "scale"
VERSION = VERSIONS[STAGE]
SCALE_NAME = "scale.json"


def run(workspace: Workspace, clip_id: str, sidecar: SidecarSource | None, config: ScaleConfig) -> Manifest:
    """Writes ``work/clips/<clip>/scale/scale.json``."""
    with_depth = ("dense", "clean") if need_depth(config.cues) else ()
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, (*with_depth, "frames", "sfm"),
        lambda folder: _scale(folder, workspace, clip_id, sidecar, config),
    )  # fmt: skip


def _scale(
    folder: Path, workspace: Workspace, clip_id: str, sidecar: SidecarSource | None, config: ScaleConfig
) -> dict[str, Any]:
    evidence = evidence_of_clip(workspace, clip_id, sidecar, config)
    cues, refused, contradicting = _ask_cues(evidence, config)
    content: dict[str, Any] = {
        "metric": False, "metric_from_sfm": None, "sigma_log_scale": None, "contradictions": contradicting, "set_by": [],
        "cues": {name: _described(cue) | {"notes": list(cue.notes)} for name, cue in cues.items()},
    }  # fmt: skip
    try:
        fused = fuse(cues, config.max_disagreement_sigma)
        content["contradictions"] = [*contradicting, *fused.contradicting]
        found = _with_focal_length(fused.scale, evidence.model.focal_sigma_rel)
        if found.sigma_log_scale > config.max_sigma_log_scale:
            raise NoEvidenceError(f"the scale is uncertain by {100 * found.sigma_log_scale:.0f} %, allowed "
                                  f"{100 * config.max_sigma_log_scale:.0f} % (scale.max_sigma_log_scale)")  # fmt: skip
        content |= {"metric": True, **_described(found), "notes": [*found.notes, *refused]}
    except ContradictionError as reason:
        content |= {"contradictions": [*contradicting, *sorted(cues)], "notes": [f"metric: false, {reason}", *refused]}
    except NoEvidenceError as reason:
        content["notes"] = [f"metric: false, {reason}", *refused]
    write_json(folder / SCALE_NAME, content)
    shown = ("metric", "metric_from_sfm", "sigma_log_scale", "contradictions", "set_by")
    return {key: content[key] for key in shown} | {
        "cues": sorted(cues), "stated_in_vain": _stated_in_vain(content, evidence, refused)
    }  # fmt: skip


def _stated_in_vain(content: dict[str, Any], evidence: Evidence, refused: list[str]) -> list[str]:
    """Why a clip is not metric although its sidecar states something to measure by."""
    stated = [name for name in type(evidence.stated).model_fields if getattr(evidence.stated, name)]
    if content["metric"] or not stated:
        return []
    said = [line for line in refused if line.partition(":")[0] in stated]
    return said or [content["notes"][0].removeprefix("metric: false, ")]


def _with_focal_length(found: ScaleEstimate, focal_sigma_rel: float) -> ScaleEstimate:
    """The scale of depth: cues measure lengths across the line of sight; how far away those are goes with the focal length."""
    by_cues, by_lens = 100 * found.sigma_log_scale, 100 * focal_sigma_rel
    note = f"sigma of the scale: {by_cues:.2g} % by the cues, {by_lens:.2g} % by the focal length"
    sigma = math.hypot(found.sigma_log_scale, focal_sigma_rel)
    return replace(found, sigma_log_scale=sigma, notes=(*found.notes, note))


def _described(scale: ScaleEstimate) -> dict[str, Any]:
    return {"metric_from_sfm": math.exp(scale.log_scale), "sigma_log_scale": scale.sigma_log_scale,
            "n_observations": scale.n_observations, "set_by": list(scale.set_by)}  # fmt: skip


def _ask_cues(evidence: Evidence, config: ScaleConfig) -> tuple[dict[str, ScaleEstimate], list[str], list[str]]:
    """Answers of the cues that have evidence and are possible at all, why the others have none, and who contradicts itself."""
    cues, refused, contradicting = {}, [], []
    for name in config.cues:
        try:
            found = registry.load("scale", name)().estimate(evidence)
        except NoEvidenceError as reason:
            refused.append(f"{name}: {reason}")
            if isinstance(reason, ContradictionError):
                contradicting.append(name)
            continue
        problem = implausible(
            evidence.model, evidence.timestamps_s, math.exp(found.log_scale), config.plausible_depth_m,
            config.max_speed_m_per_s,
        )  # fmt: skip
        if problem is None:
            cues[name] = found
        else:
            refused.append(f"{name}: {problem}")
    return cues, refused, contradicting


def evidence_of_clip(
    workspace: Workspace, clip_id: str, sidecar: SidecarSource | None, config: ScaleConfig
) -> Evidence:
    """All that the cues of one clip may look at."""
    views = ClipViews(workspace, clip_id)
    shrink = np.array([views.frames.width / views.frames.source_width,
                       views.frames.height / views.frames.source_height])  # fmt: skip

    @lru_cache(maxsize=256)
    def load_gray(frame_index: int) -> np.ndarray:
        return cv2.cvtColor(views.image(frame_index), cv2.COLOR_RGB2GRAY)

    evidence = Evidence(
        model=views.model, stated=read_sidecar(sidecar).scale, sidecar=sidecar, timestamps_s=views.timestamps_s,
        undistorted_px=lambda index, source_px: views.undistortion_of(index).undistorted_px(source_px * shrink),
        load_gray=load_gray,
        network=_network(clip_id, config, views),
        find_joints=(lambda: _find_joints(views, config)) if config.pose_network else None,
    )  # fmt: skip
    if need_depth(config.cues):
        return _with_depth(evidence, workspace, clip_id, views)
    return evidence


def _with_depth(evidence: Evidence, workspace: Workspace, clip_id: str, views: ClipViews) -> Evidence:
    """The evidence with the clip's valid dense depth, where dense depth came about."""
    dense, clean = workspace.clip_stage(clip_id, "dense"), workspace.clip_stage(clip_id, "clean")
    if not read_manifest(clean).ok:
        return evidence

    def load(frame_index: int) -> np.ndarray:
        (depth,) = read_dense_maps(dense, frame_index, "z_depth_sfm")
        inside = views.undistortion_of(frame_index).inside
        dropped = read_mask(clean / f"{frame_index:06d}.png") | views.overlay(frame_index) | ~inside
        return np.where(dropped, np.nan, depth)

    frames = tuple(frames_with_maps(dense))
    return replace(evidence, depth_frames=frames, load_depth_sfm=load)


def _network(clip_id: str, config: ScaleConfig, views: ClipViews) -> NetworkEvidence | None:
    if config.metric_network is None:
        return None

    stated, camera = config.metric_network, views.undistortion.camera
    stored = OnDiskModel(ModelConfig(name="stored", method="on_disk", path=str(stated.path), kind="metric_depth"))
    made_by = stated.path / clip_id / MANIFEST_NAME
    sha256 = read_manifest(made_by.parent).measures.get("model_sha256") if made_by.is_file() else None

    def load(frame_index: int) -> np.ndarray | None:
        try:
            values = stored.stored(FrameKey(clip_id, frame_index), camera.height, camera.width)
        except MissingPredictionError:
            return None
        return resized(values, camera.height, camera.width, "bilinear")

    return NetworkEvidence(stated.model, sha256, stated.sigma_log_scale, stated.source, load)


def _find_joints(views: ClipViews, config: ScaleConfig) -> JointTracks:
    assert config.pose_network is not None, "the caller looks"
    network = PoseNetwork(config.pose_network.detection, config.pose_network.landmarks)
    frames = views.model.frame_indices.tolist()
    return network.find(frames, views.image)
