"""Pseudo labels: a teacher's predictions of one clip, aligned to the ground truth, as a layer of their own.

They are for training on what geometry could not answer; no evaluation reads them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.datasets.frames import Frame, open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.dataset_layout import depth_units
from sfm_gt.formats.manifest import read_manifest
from sfm_gt.formats.pseudo_labels import PseudoLabels, labels_folder, write_label, write_labels
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.alignment import Affine, AlignmentError, DepthRange, fit
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.shared.stored import StoredPredictions
from sfm_gt.workflow.versions import VERSIONS

STAGE = "pseudo_labels"
VERSION = VERSIONS[STAGE]
# What each kind leaves open is what the ground truth decides, an image at a time.
ALIGNMENT = {
    "metric_depth": "median", "scale_invariant_depth": "median", "affine_invariant_depth": "ls_affine_depth",
    "affine_invariant_disparity": "ls_affine_disparity",
}  # fmt: skip
MIN_PIXELS = 100
BLOCK_PX = 16  # neighbours err alike: whole blocks are kept from the fit that agreement is measured on
MAX_DEPTH_RATIO = 4.0  # a label deeper than so many times the deepest ground truth of its frame is no label
FACTOR = 1.25


def run(workspace: Workspace, clip_id: str, teacher: str) -> PseudoLabels:
    """Writes ``dataset/pseudo_labels/<teacher>/<clip>/`` whole, from what the predict stage left.

    Frames with fewer than MIN_PIXELS of ground truth, or whose fit does not exist, get no label.

    Raises:
        InputError: no predictions of this teacher, or of another size than the ground truth; a file of the clip that is not as
            it was written; or a forget was interrupted.
    """
    workspace.require_no_forget()
    dataset = open_dataset(workspace.root)
    predictions = workspace.predictions(teacher, clip_id)
    kind = _kind(predictions, teacher)
    dataset.check_files((clip_id,))
    agreement, abs_rel, maps = {}, {}, {}
    for frame in dataset.frames_of(clip_id):
        try:
            maps[frame.frame_index], scores = _label(frame, predictions, ALIGNMENT[kind])
        except AlignmentError:
            continue
        agreement[frame.frame_index], abs_rel[frame.frame_index] = scores
    if not maps:
        raise InputError(f"{predictions}: no prediction of {clip_id} could be aligned to its ground truth")
    depth_unit, _ = depth_units(max(float(np.nanmax(depth)) for depth in maps.values()))
    source = dataset.clip_info(clip_id).get("source", {}).get("source_sha256")
    labels = PseudoLabels(
        teacher, kind, ALIGNMENT[kind], frame.metric, depth_unit,
        {"video_sha256": source, "teacher_sha256": read_manifest(predictions).measures.get("model_sha256")},
        agreement, abs_rel,
    )  # fmt: skip
    with replacing_directory(labels_folder(dataset.path, teacher, clip_id)) as folder:
        for frame_index, depth in maps.items():
            write_label(folder, frame_index, depth, depth_unit)
        write_labels(folder, labels)
    return labels


def _kind(predictions: Path, teacher: str) -> str:
    manifest = read_manifest(predictions)
    if "kind" not in manifest.measures:
        raise InputError(
            f"{predictions}: no predictions of {teacher!r} ({manifest.status}); run `sfm-gt predict` first"
        )
    return str(manifest.measures["kind"])


def _label(frame: Frame, predictions: Path, alignment: str) -> tuple[Float[np.ndarray, "h w"], tuple[float, float]]:
    """Depth of a frame in the unit of the ground truth, and (agreement, AbsRel) on blocks kept from the fit."""
    truth = frame.z_depth_m if frame.metric else frame.z_depth_sfm
    stored, _ = StoredPredictions.open(predictions).read(frame.frame_index, (truth.shape[0], truth.shape[1]))
    if stored is None:
        raise AlignmentError(f"frame {frame.frame_index}: no prediction")
    values = resized(stored, truth.shape[0], truth.shape[1], "bilinear")
    known = frame.valid & ~frame.moving & ~frame.overlay & np.isfinite(values)
    fitted = known & _fit_blocks(*truth.shape)
    if min(fitted.sum(), (known & ~fitted).sum()) < MIN_PIXELS:
        raise AlignmentError(f"frame {frame.frame_index}: too little ground truth")
    farthest = MAX_DEPTH_RATIO * float(truth[known].max())
    bounds = DepthRange(float(truth[known].min()) / MAX_DEPTH_RATIO, farthest, 1 / farthest)
    scores = _agreement(fit(alignment, values, truth, fitted).depth(values, bounds), truth, known & ~fitted)
    whole: Affine = fit(alignment, values, truth, known)
    depth = whole.depth(values, bounds)
    return np.where(depth < bounds.highest, depth, np.nan).astype(np.float32), scores


def _fit_blocks(height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """A chequerboard of blocks."""
    rows, columns = np.arange(height) // BLOCK_PX, np.arange(width) // BLOCK_PX
    return (rows[:, None] + columns) % 2 == 0


def _agreement(
    depth: Float[np.ndarray, "h w"], truth: Float[np.ndarray, "h w"], where: Bool[np.ndarray, "h w"]
) -> tuple[float, float]:
    p, g = depth[where], truth[where]
    return float((np.maximum(p / g, g / p) < FACTOR).mean()), float((np.abs(p - g) / g).mean())
