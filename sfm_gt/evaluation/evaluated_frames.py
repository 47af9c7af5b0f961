"""Frames of the data set through an evaluation: loaded and graded side by side, added in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby

import numpy as np

from sfm_gt.datasets.frames import Dataset, Frame
from sfm_gt.evaluation.gt_camera import known_camera
from sfm_gt.imaging.pools import in_order, one_thread_a_call
from sfm_gt.metrics.alignment import Affine
from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation, GradedFrame, ModelResult
from sfm_gt.metrics.grading import FramePrediction, GtFrame, PooledFits
from sfm_gt.metrics.pooling import PooledAlignment
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.temporal import TemporalView
from sfm_gt.public_datasets import Benchmark, BenchmarkFrame
from sfm_gt.workflow.memory import keep_freed_memory
from sfm_gt.workflow.progress import progress

Predict = Callable[[str, Frame | BenchmarkFrame], FramePrediction]
"""The prediction of a model, by its name, for a frame."""
REDRAWN_EVERY = 8
"""Of the frames of a clip, every so many stand for all in noise floor and resolution, which are means over frames."""
Pools = Mapping[str, PooledAlignment]


def evaluated_frames(
    evaluation: Evaluation, dataset: Dataset | Benchmark, clip_ids: set[str], predict: Predict, cores: int
) -> Iterator[tuple[GradedFrame, list[ModelResult]]]:
    """Every frame of some clips with its results, in order; one pass, two where an alignment needs to see a clip first."""
    clip_of = [frame.clip_id for frame in dataset]
    numbers = [number for number, clip_id in enumerate(clip_of) if clip_id in clip_ids]
    by_clip = [list(of_clip) for _, of_clip in groupby(numbers, key=lambda number: clip_of[number])]
    redrawn = frozenset(number for clip in by_clip for number in clip[::REDRAWN_EVERY])
    load = partial(_load, evaluation, dataset, predict, redrawn)
    keep_freed_memory()
    # Frames are what runs side by side.
    with one_thread_a_call(), ThreadPoolExecutor(cores) as threads, progress("evaluate") as report:
        over_all = evaluation.pools("dataset", len(numbers))
        if "dataset" in evaluation.scopes:
            _fit(evaluation, over_all, in_order(threads, load, numbers, cores))
        done = 0
        for clip in by_clip:
            over_clip = evaluation.pools("clip", len(clip))
            if "clip" in evaluation.scopes:
                _fit(evaluation, over_clip, in_order(threads, load, clip, cores))
            work = partial(_graded, evaluation, load, _by_scope(over_all, over_clip))
            for graded in in_order(threads, work, clip, cores):
                yield graded, evaluation.add(graded)
                done += 1
                report(done, len(numbers))


def loaded(
    frame: Frame | BenchmarkFrame, predictions: Mapping[str, FramePrediction], redraw: bool = True
) -> EvaluatedFrame:
    """A frame with its predictions, in metres where the clip has them; ``redraw`` as in :class:`EvaluatedFrame`."""
    z_depth, sigma = depth_of(frame), None
    if isinstance(frame, Frame):
        sigma = frame.sigma_m if frame.metric else frame.sigma_sfm
    gt = GtFrame(z_depth, frame.moving, frame.overlay, frame.person, frame.metric, known_camera(frame))
    view = None
    if frame.camera is not None and frame.cam_from_world is not None:
        still = frame.valid & ~frame.moving & ~frame.overlay
        view = TemporalView(z_depth, still, frame.camera, frame.cam_from_world)
    return EvaluatedFrame(
        frame.clip_id, frame.video_id, frame.frame_index, gt, sigma, frame.sigma_log_scale, view, predictions, redraw
    )


def depth_of(frame: Frame | BenchmarkFrame) -> np.ndarray:
    """(H, W) z-depth in metres, or in SfM units where the clip has no metres."""
    if isinstance(frame, Frame) and not frame.metric:
        return frame.z_depth_sfm
    return frame.z_depth_m


def _load(
    evaluation: Evaluation, dataset: Dataset | Benchmark, predict: Predict, redrawn: frozenset[int], number: int
) -> EvaluatedFrame:
    frame = dataset[number]
    return loaded(frame, {model: predict(model, frame) for model in evaluation.models}, number in redrawn)


def _graded(
    evaluation: Evaluation, load: Callable[[int], EvaluatedFrame], pooled: Mapping[str, PooledFits], number: int
) -> GradedFrame:
    return evaluation.grade(load(number), pooled)


def _fit(evaluation: Evaluation, pools: Pools, frames: Iterable[EvaluatedFrame]) -> None:
    for frame in frames:
        evaluation.fit(frame, pools)


def _by_scope(over_all: Pools, over_clip: Pools) -> dict[str, PooledFits]:
    def of_model(model: str) -> PooledFits:
        def fitted(protocol: Protocol, alignment: str) -> Affine:
            pools = over_all if protocol.scope == "dataset" else over_clip
            return pools[model](protocol, alignment)

        return fitted

    return {model: of_model(model) for model in over_clip}
