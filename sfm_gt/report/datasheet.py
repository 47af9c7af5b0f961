"""The datasheet of a release: DATASHEET.md, filled from the run (after Gebru et al. 2021, Datasheets for Datasets)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfm_gt.formats.sources import Source
from sfm_gt.metrics.cameras import MAX_FOCAL_SIGMA_REL
from sfm_gt.report.funnel import Level, Refusal
from sfm_gt.report.page import render_datasheet


def datasheet(
    rows: Sequence[Mapping[str, Any]],
    infos: Sequence[Mapping[str, Any]],
    sources: Sequence[Source],
    levels: Sequence[Level],
    refused: Sequence[Refusal],
    release: Mapping[str, Any],
    publisher: Mapping[str, Any],
) -> str:
    """The datasheet as Markdown.

    Args:
        rows: of the index.
        infos: contents of the clips' clip.json.
        levels, refused: the yield funnel; empty where the run's work folder is gone.
        release: content of release.json.
        publisher: ``url``, ``creators`` and ``contact``, each empty where it is not stated.
    """
    return render_datasheet({
        "release": release, "publisher": publisher, "levels": levels,
        "reasons": sorted(Counter(one.reason for one in refused).items()),
        "n_frames": len(rows), "n_clips": len(infos), "n_videos": len(sources),
        "licenses": sorted(Counter(source.license or "not stated" for source in sources).items()),
        "consent": sorted(Counter(source.consent or "not stated" for source in sources).items()),
        "valid_percent": 100 * float(np.mean([row["valid_fraction"] for row in rows])) if rows else 0.0,
        "clips": [_clip(info) for info in infos], "limits": limits(rows, infos),
    })  # fmt: skip


def _clip(info: Mapping[str, Any]) -> dict[str, Any]:
    scale, sfm = info.get("scale", {}), info.get("measures", {}).get("sfm", {})
    return {
        "clip_id": info["clip_id"], "metric": bool(scale.get("metric")), "cues": ", ".join(sorted(scale.get("cues", {}))),
        "sigma_percent": 100 * scale["sigma_log_scale"] if scale.get("sigma_log_scale") else None,
        "reprojection_error_px": sfm.get("mean_reprojection_error_px"),
        "triangulation_angle_deg": sfm.get("median_tri_angle_deg"),
    }  # fmt: skip


def limits(rows: Sequence[Mapping[str, Any]], infos: Sequence[Mapping[str, Any]]) -> list[str]:
    """What this release cannot do, counted from the run."""
    not_metric = sum(not info.get("scale", {}).get("metric") for info in infos)
    unlooked = sum(not row["has_person"] for row in rows)
    videos = len({row["video_id"] for row in rows})
    invalid = 100 * (1 - float(np.mean([row["valid_fraction"] for row in rows]))) if rows else 100.0
    found = [f"{invalid:.0f} % of the pixels have no depth: nothing is filled in where views are not consistent."]
    if not_metric:
        found.append(f"{not_metric} of {len(infos)} clips have no metric scale; their lengths are in SfM units.")
    if guessed := len({row["clip_id"] for row in rows if (row.get("focal_sigma_rel") or 0.0) > MAX_FOCAL_SIGMA_REL}):
        found.append(f"In {guessed} of {len(infos)} clips the focal length has a sigma above {100 * MAX_FOCAL_SIGMA_REL:g} %; "
                     "depths apart from their scale do not depend on it, points, normals and angles do.")  # fmt: skip
    if unlooked:
        found.append(f"{unlooked} of {len(rows)} frames have no person mask; people in them are not marked.")
    if videos < 30:
        found.append(f"{videos} video{'s' if videos > 1 else ''} only: statistics over videos are weak.")
    found.append("Sigma covers matching noise, disagreement between views and the uncertainty of the cameras.")
    return found
