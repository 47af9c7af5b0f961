"""Reading the ground-truth data set: ``open_dataset`` iterates over frames, arrays are read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import InputError, NotMetricError
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.frame_index import check_index, read_index
from sfm_gt.formats.manifest import MANIFEST_NAME, first_difference, read_json_object, read_manifest
from sfm_gt.formats.people_joints import ClipJoints, read_clip_joints
from sfm_gt.geometry.conventions import nan_from_zero, valid_from_depth
from sfm_gt.geometry.types import PinholeCamera


@dataclass(frozen=True)
class Frame:
    """One ground-truth frame. Images and maps share one undistorted pinhole camera; invalid depth is NaN.

    Attributes:
        frame_index: index in the source video.
        timestamp_s: presentation time in the source container.
        metric: whether depth and poses are in metres. Where False, ``z_depth_m`` raises and only ``z_depth_sfm`` exists.
        cam_from_world: (4, 4); metres where ``metric``, else SfM units.
        metric_from_sfm: metres per SfM unit, None where not metric.
        sigma_log_scale: one standard deviation of the clip's log scale, None where not metric. It is shared by all
            frames of the clip and is not contained in ``sigma_m``.
        focal_sigma_rel: one relative standard deviation of the focal length, shared by all frames of the clip; 0 where it was
            given, None in a data set of before it was stated.
    """

    dataset: Path
    clip_id: str
    video_id: str
    frame_index: int
    timestamp_s: float
    metric: bool
    camera: PinholeCamera
    cam_from_world: Float[np.ndarray, "4 4"]
    metric_from_sfm: float | None
    sigma_log_scale: float | None
    focal_sigma_rel: float | None
    depth_unit: float
    sigma_unit: float
    has_person: bool

    def _read(self, layer: str) -> np.ndarray:
        path = layout.layer_path(self.dataset, self.clip_id, layer, self.frame_index)
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise InputError(f"{path}: missing or unreadable; rebuild the clip with `sfm-gt dataset`")
        return pixels

    @cached_property
    def image(self) -> UInt8[np.ndarray, "h w 3"]:
        """RGB, undistorted."""
        return cv2.cvtColor(self._read("image"), cv2.COLOR_BGR2RGB)

    @cached_property
    def _depth(self) -> Float[np.ndarray, "h w"]:
        return nan_from_zero(self._read("depth").astype(np.float32) * np.float32(self.depth_unit))

    @cached_property
    def _sigma(self) -> Float[np.ndarray, "h w"]:
        return nan_from_zero(self._read("sigma").astype(np.float32) * np.float32(self.sigma_unit))

    @cached_property
    def outlier(self) -> Float[np.ndarray, "h w"]:
        """Probability, in steps of 1/255, that depth is off by more than 10 %, so that sigma does not apply; NaN = invalid."""
        probability = self._read("outlier").astype(np.float32) / np.float32(layout.PROBABILITY_STEPS)
        return np.where(self.valid, probability, np.float32(np.nan))

    def _require_metric(self) -> None:
        if not self.metric:
            raise NotMetricError(
                f"clip {self.clip_id!r} has no metric scale (metric: false); use z_depth_sfm and sigma_sfm, "
                "or give the video a metric cue in its sidecar"
            )

    @property
    def z_depth_m(self) -> Float[np.ndarray, "h w"]:
        """z-depth in metres, float32, NaN = invalid. Raises NotMetricError where ``metric`` is False."""
        self._require_metric()
        return self._depth

    @property
    def sigma_m(self) -> Float[np.ndarray, "h w"]:
        """One standard deviation of ``z_depth_m`` in metres, up to the clip's scale. Raises NotMetricError."""
        self._require_metric()
        return self._sigma

    @property
    def z_depth_sfm(self) -> Float[np.ndarray, "h w"]:
        """z-depth in SfM units, float32, NaN = invalid."""
        return self._depth / np.float32(self.metric_from_sfm) if self.metric_from_sfm else self._depth

    @property
    def sigma_sfm(self) -> Float[np.ndarray, "h w"]:
        """One standard deviation of ``z_depth_sfm``, SfM units."""
        return self._sigma / np.float32(self.metric_from_sfm) if self.metric_from_sfm else self._sigma

    @property
    def valid(self) -> Bool[np.ndarray, "h w"]:
        """Where depth may be used."""
        return valid_from_depth(self._depth)

    @cached_property
    def moving(self) -> Bool[np.ndarray, "h w"]:
        """True where the scene moves against its frozen state."""
        return self._read("moving") > 0

    @cached_property
    def overlay(self) -> Bool[np.ndarray, "h w"]:
        """True on captions, logos and bars."""
        return self._read("overlay") > 0

    @cached_property
    def person(self) -> Bool[np.ndarray, "h w"] | None:
        """True on people, or None where there is no person mask: unknown is not "no person"."""
        return self._read("person") > 0 if self.has_person else None


@dataclass(frozen=True)
class ClipScale:
    """Where the metres of a clip come from.

    Attributes:
        metric_from_sfm: metres per SfM unit, None where not metric.
        sigma_log_scale: one standard deviation of its log, shared by all frames and not contained in ``sigma_m``; None where
            not metric.
        cues: that found evidence.
        contradictions: cues that contradicted the others, or all where nothing said which is right.
        set_by: depth models that the scale rests on, by name and by hash of their weights; tables do not grade them by it.
        notes: one line for each piece of evidence used or refused.
    """

    metric: bool
    metric_from_sfm: float | None
    sigma_log_scale: float | None
    cues: tuple[str, ...]
    contradictions: tuple[str, ...]
    set_by: tuple[str, ...]
    notes: tuple[str, ...]


class Dataset:
    """Frames of a ground-truth data set, ordered by clip and frame index."""

    def __init__(self, path: Path, index: Path):
        self.path = path
        self._rows = read_index(index)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Frame:
        return _frame_from_row(self.path, self._rows[number])

    def __iter__(self) -> Iterator[Frame]:
        return (self[number] for number in range(len(self)))

    @property
    def clip_ids(self) -> tuple[str, ...]:
        """Clips that have at least one frame, sorted."""
        return tuple(sorted({row["clip_id"] for row in self._rows}))

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Rows of the index: the columns of ``dataset_layout.INDEX_SCHEMA``."""
        return self._rows

    @property
    def videos(self) -> dict[str, str]:
        """Video of every clip."""
        return {row["clip_id"]: row["video_id"] for row in self._rows}

    def clip_info(self, clip_id: str) -> dict[str, Any]:
        """Content of the clip's clip.json: provenance, licence, versions, scale, units.

        Raises:
            InputError: it is missing or broken, or speaks of another clip.
        """
        path = clip_folder(self.path, clip_id) / layout.CLIP_JSON
        info = read_json_object(path)
        if info.get("clip_id", clip_id) != clip_id:
            raise InputError(
                f"{path}: speaks of the clip {info['clip_id']!r}; copy the clip again, or run the workflow again"
            )
        for section in ("source", "scale"):
            if not isinstance(info.get(section, {}), dict):
                raise InputError(
                    f"{path}: {section!r} is no object {{...}}; copy the clip again, or run the workflow again"
                )
        return info

    def clip_scale(self, clip_id: str) -> ClipScale:
        """The clip's metric scale with its sigma and its evidence."""
        scale = self.clip_info(clip_id).get("scale", {})
        figures = [scale.get(key) for key in ("metric_from_sfm", "sigma_log_scale")]
        listed = [tuple(scale.get(key, ())) for key in ("cues", "contradictions", "set_by", "notes")]
        return ClipScale(bool(scale.get("metric")), *figures, *listed)

    def check_files(self, clip_ids: Sequence[str]) -> None:
        """Whether the index and the files of these clips are those that were written; reads all of them.

        Raises:
            InputError: one is missing, added or changed since. A clip without a manifest, as in a release, is not asked.
        """
        check_index(self.path)
        for clip_id in clip_ids:
            manifest = clip_folder(self.path, clip_id) / MANIFEST_NAME
            difference = (
                first_difference(manifest.parent, read_manifest(manifest.parent)) if manifest.is_file() else None
            )
            if difference is not None:
                raise InputError(f"{difference} after the data set was complete; delete {manifest} and run the workflow again "
                                 "with the same output folder, or copy the clip again")  # fmt: skip

    def joints(self, clip_id: str) -> ClipJoints | None:
        """People's joints of a clip, in its images and in its world; None where ``sfm-gt layers`` wrote none."""
        return read_clip_joints(self.path / layout.LAYERS_FOLDER / clip_id)

    def frames_of(self, clip_id: str) -> list[Frame]:
        """Frames of one clip in order of time."""
        return [_frame_from_row(self.path, row) for row in self._rows if row["clip_id"] == clip_id]


def _frame_from_row(dataset: Path, row: dict[str, Any]) -> Frame:
    camera = PinholeCamera(row["width"], row["height"], row["fx"], row["fy"], row["cx"], row["cy"])
    return Frame(
        dataset=dataset, clip_id=row["clip_id"], video_id=row["video_id"], frame_index=row["frame_index"],
        timestamp_s=row["timestamp_s"], metric=row["metric"], camera=camera,
        cam_from_world=np.array(row["cam_from_world"], dtype=np.float64).reshape(4, 4),
        metric_from_sfm=row["metric_from_sfm"], sigma_log_scale=row["sigma_log_scale"],
        focal_sigma_rel=row.get("focal_sigma_rel"),
        depth_unit=row["depth_unit"], sigma_unit=row["sigma_unit"], has_person=row["has_person"],
    )  # fmt: skip


def open_dataset(path: str | Path) -> Dataset:
    """Opens the data set of a run: ``path`` is the run's output folder or its ``dataset`` folder.

    Raises:
        InputError: there is no index there, it cannot be read or states what is no id, or the data set is of another layout
            than this version reads.
    """
    path = Path(path)
    for candidate in (path / "dataset", path):
        if (candidate / layout.INDEX_NAME).is_file():
            _check_format(candidate)
            return Dataset(candidate, candidate / layout.INDEX_NAME)
    raise InputError(f"{path}: holds no {layout.INDEX_NAME}; give the output folder of a finished run")


def _check_format(dataset: Path) -> None:
    stated = dataset / layout.DATASET_JSON
    # A part of a data set that somebody copied may come without.
    found = read_json_object(stated).get("format_version") if stated.is_file() else layout.FORMAT_VERSION
    if found != layout.FORMAT_VERSION:
        raise InputError(
            f"{dataset}: a data set of layout {found}, needed {layout.FORMAT_VERSION}; run the workflow again with the same "
            "output folder, or read it with the version of sfm-gt that wrote it"
        )


def open_clip(dataset: Path, clip_id: str) -> Dataset:
    """One clip of a data set that has no index yet."""
    return Dataset(dataset, clip_folder(dataset, clip_id) / layout.CLIP_INDEX)
