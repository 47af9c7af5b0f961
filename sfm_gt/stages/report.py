"""Report: OUT/report/index.html with its pictures, opened from disk; everything that the run knows, for people."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from sfm_gt import __version__
from sfm_gt.config import ReportConfig
from sfm_gt.datasets.frames import Dataset, Frame, open_dataset
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.clip_paths import video_of
from sfm_gt.formats.manifest import Manifest, read_json
from sfm_gt.formats.verdict import MASK_SHEETS, THUMBNAILS, read_manifests
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.cameras import MAX_FOCAL_SIGMA_REL
from sfm_gt.metrics.protocol import REASONS, Protocol
from sfm_gt.models.shared.stored import StoredPredictions
from sfm_gt.report.contact_sheet import ContactSheet, ModelMaps, chosen, mask_strip, relative_sigma
from sfm_gt.report.funnel import Refusal, drops, levels, refusals
from sfm_gt.report.page import render, render_clip
from sfm_gt.report.reasons import remedy
from sfm_gt.report.scene_view import scene_page
from sfm_gt.report.tables import SENSITIVITY, headline, table
from sfm_gt.report.trajectory import trajectory_svg
from sfm_gt.report.video import MAX_FRAMES, write_video
from sfm_gt.workflow.progress import progress
from sfm_gt.workflow.versions import VERSIONS

STAGE = "report"
VERSION = VERSIONS[STAGE]
VIDEO = "side_by_side.mp4"


def run(workspace: Workspace, config: ReportConfig, clip_ids: Sequence[str]) -> None:
    """Writes OUT/report/ whole. Needs the data set's index, clips.json and the evaluation.

    Raises:
        InputError: one of them is missing, or a stored prediction cannot be read.
    """
    dataset = open_dataset(workspace.root)
    corpus = read_json(workspace.clip_list)
    manifests = {clip_id: read_manifests(workspace, clip_id) for clip_id in clip_ids}
    index = [dict(row) for row in dataset.rows if row["clip_id"] in manifests]
    refused = refusals(corpus, manifests)
    with replacing_directory(workspace.report) as folder:
        clips = _clips(workspace, config, dataset, index, manifests, folder)
        page = render({
            "version": __version__,
            "levels": levels(corpus, manifests, index),
            "drops": drops(manifests),
            "refusals": [vars(refusal) | {"remedy": remedy(refusal.reason, refusal.stage)} for refusal in refused],
            "choices": [(reason, reason) for reason in sorted({refusal.reason for refusal in refused})],
            "thumbnails": _thumbnails(workspace, [refusal.name for refusal in refused], folder),
            "mask_sheets": _mask_sheets(workspace, refused, folder),
            "reasons": sorted(Counter(refusal.reason for refusal in refused).items()),
            "clips": clips,
            "n_metric": sum(clip["metric"] for clip in clips),
            **_models(read_json(workspace.evaluation / "summary.json")),
        })  # fmt: skip
        (folder / "index.html").write_text(page, encoding="utf-8")


def _thumbnails(workspace: Workspace, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Pictures of what was refused, copied next to the page: their paths by name, where there is one."""
    found = {}
    for name in names:
        source = workspace.verdict(video_of(name)) / THUMBNAILS / f"{name}.jpg"
        if source.is_file():
            found[name] = f"refused/{name}.jpg"
            (folder / "refused").mkdir(exist_ok=True)
            shutil.copyfile(source, folder / found[name])
    return found


def _mask_sheets(workspace: Workspace, refused: Sequence[Refusal], folder: Path) -> dict[str, dict[str, Any]]:
    """The mask sheet of every clip that was refused after the stage frames, by name, copied next to the page."""
    sheets = {}
    for refusal in refused:
        source = workspace.verdict(video_of(refusal.name)) / MASK_SHEETS / refusal.name
        if refusal.what == "clip" and source.is_dir():
            shutil.copytree(source, folder / "refused" / refusal.name, dirs_exist_ok=True)
            strip, width, height = mask_strip(folder, f"refused/{refusal.name}")
            sheets[refusal.name] = {"strips": [strip], "width": width, "height": height}
    return sheets


def _models(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "table": table(headline(summary["rows"]), summary["rows"], []),
        "sensitivity": table(SENSITIVITY, summary["sensitivity"], []),
        "notes": summary["notes"],
        "unscored": [entry | {"why": REASONS[entry["reason"]]} for entry in summary["unscored"]],
        "protocol_line": summary["protocol_line"],
    }


def _clips(
    workspace: Workspace,
    config: ReportConfig,
    dataset: Dataset,
    index: list[dict[str, Any]],
    manifests: dict[str, dict[str, Manifest]],
    folder: Path,
) -> list[dict[str, Any]]:
    """Writes the page of every clip with its pictures, and returns what the first page says of them."""
    scores = pd.read_parquet(workspace.evaluation / "frames.parquet")
    summary = read_json(workspace.evaluation / "summary.json")
    clip_ids = sorted({row["clip_id"] for row in index})
    neighbours = zip([None, *clip_ids], clip_ids, [*clip_ids[1:], None], strict=False)
    clips = []
    with progress("report") as report:
        for done, (before, clip_id, after) in enumerate(neighbours, start=1):
            rows = [row for row in index if row["clip_id"] == clip_id]
            beside = folder / "clips" / clip_id
            facts = (
                {"clip_id": clip_id}
                | _facts(dataset.clip_info(clip_id), rows)
                | _sheet(workspace, config, dataset, clip_id, summary, beside)
            )
            page = render_clip({
                "version": __version__, "before": before, "after": after, "clip": facts | {
                    "stages": list(manifests[clip_id].values()), "trajectory": _trajectory(rows),
                    "scores": _scores(scores[(scores.clip_id == clip_id) & (scores.protocol == summary["protocol"])]),
                },
            })  # fmt: skip
            (beside / "index.html").write_text(page, encoding="utf-8")
            view = scene_page(f"{clip_id}: points and camera path", dataset.frames_of(clip_id))
            (beside / "view.html").write_text(view, encoding="utf-8")
            clips.append(facts)
            report(done, len(clip_ids))
    return clips


def _facts(info: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    first, scale = rows[0], info.get("scale", {})
    focal_sigma = first.get("focal_sigma_rel")
    return {
        "focal_px": first["fx"],
        "focal_sigma_percent": 100 * focal_sigma if focal_sigma is not None else None,
        "focal_uncertain": (focal_sigma or 0.0) > MAX_FOCAL_SIGMA_REL,
        "metric": first["metric"],
        "metric_from_sfm": first["metric_from_sfm"],
        "sigma_percent": 100 * first["sigma_log_scale"] if first["metric"] else None,
        "cues": sorted(scale.get("cues", {})),
        "scale_notes": scale.get("notes", []),
        "license": info.get("source", {}).get("license"),
        "n_frames": len(rows),
        "width": first["width"],
        "height": first["height"],
        "valid_share": float(np.mean([row["valid_fraction"] for row in rows])),
    }


def _trajectory(rows: list[dict[str, Any]]) -> str:
    poses = np.array([row["cam_from_world"] for row in rows], dtype=np.float64).reshape(-1, 4, 4)
    times = np.array([row["timestamp_s"] for row in rows])
    return trajectory_svg(poses, times, "m" if rows[0]["metric"] else "SfM units")


def _scores(scores: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for (model, alignment), group in scores[scores.region == "all"].groupby(
        ["model", "alignment"], sort=False, observed=True
    ):
        means = {name: group[group.metric == name].value for name in ("abs_rel", "delta1")}
        found.append({"model": model, "alignment": alignment, "frames": len(means["abs_rel"])}
                     | {name: float(values.mean()) for name, values in means.items()})  # fmt: skip
    return found


def _sheet(
    workspace: Workspace, config: ReportConfig, dataset: Dataset, clip_id: str, summary: dict[str, Any], folder: Path
) -> dict[str, Any]:
    frames = dataset.frames_of(clip_id)
    shown = [frames[position] for position in chosen(len(frames), config.frames_per_clip)]
    protocol = Protocol.model_validate(summary["protocols"][summary["protocol"]])
    sheet = ContactSheet(folder, shown, protocol)
    models = {}
    kinds = {row["model"]: row["kind"] for row in summary["rows"]}
    stored = {name: StoredPredictions.open(workspace.predictions(name, clip_id)) for name in kinds}
    for name, kind in kinds.items():
        models[name] = sheet.predictions(ModelMaps(name, kind, [_map(stored[name], frame) for frame in shown]))
    sigmas: list[float] = []
    # Fresh ones: a frame keeps the layers that it has read.
    played = _measured((replace(frames[position]) for position in chosen(len(frames), MAX_FRAMES)), sigmas)
    write_video(folder / VIDEO, (sheet.panels(frame, _maps(stored, kinds, frame)) for frame in played))
    strips = sheet.ground_truth()
    return {"strips": strips, "models": models, "video": VIDEO, "thumbnail": strips[0].pictures[0].src,
            "worst_sigma_percent": max(sigmas)}  # fmt: skip


def _measured(frames: Iterable[Frame], sigmas: list[float]) -> Iterator[Frame]:
    """The frames as they are; the median relative sigma of each, in percent, is added to ``sigmas``."""
    for frame in frames:
        sigmas.append(100 * float(np.nanmedian(relative_sigma(frame))))
        yield frame


def _maps(stored: Mapping[str, StoredPredictions], kinds: Mapping[str, str], frame: Frame) -> list[ModelMaps]:
    """Every model's prediction of one frame."""
    return [ModelMaps(name, kind, [_map(stored[name], frame)]) for name, kind in kinds.items()]


def _map(stored: StoredPredictions, frame: Frame) -> Float[np.ndarray, "h w"] | None:
    return stored.read(frame.frame_index, (frame.camera.height, frame.camera.width))[0]
