"""Tables of models: Markdown, LaTeX and HTML with the headline figures, CSV with every one; protocol hash and notes below.

A cell is text beside the value that it is sorted by. What does not exist is a dash, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfm_gt.metrics.cameras import MAX_FOCAL_SIGMA_REL

if TYPE_CHECKING:
    from sfm_gt.metrics.fusion import FusionSettings
    from sfm_gt.metrics.protocol import Protocol

Row = Mapping[str, Any]

HEADLINE = {
    "model": "model", "rank": "rank", "abs_rel": "AbsRel ↓", "delta1": "δ1 ↑", "alignment": "alignment", "kind": "kind",
    "abs_rel_image_mean": "AbsRel (image mean)", "delta1_image_mean": "δ1 (image mean)",
    "abs_rel_image_median": "AbsRel (median)", "abs_rel_image_tail": "AbsRel (95 % of images)", "abs_rel_floor": "AbsRel floor",
    "videos": "videos", "frames": "frames", "common_frames": "frames compared", "pixels": "pixels", "missing": "missing",
}  # fmt: skip
NETWORK = {"parameters": "parameters", "forward_ms": "network ms", "total_ms": "total ms"}
"""Beside the headline where some model is a network: median and quartiles of a pass, without and with what is around it."""
UNCERTAINTY = {"ause": "AUSE ↓", "sigma_coverage": "within σ (0.683)", "sigma_nll": "NLL ↓"}
"""Beside the headline where some model states its own uncertainty."""
SENSITIVITY = {
    "protocol": "protocol", "model": "model", "rank": "rank", "abs_rel": "AbsRel ↓", "delta1": "δ1 ↑",
    "alignment": "alignment", "scope": "over each", "abs_rel_floor": "AbsRel floor", "videos": "videos",
    "frames": "frames", "missing": "missing", "protocol_hash": "hash",
}  # fmt: skip
FREEDOMS = {
    "protocol": "protocol", "model": "model", "kind": "kind", "abs_rel_unaligned": "AbsRel ↓ unaligned",
    "delta1_unaligned": "δ1 ↑ unaligned", "abs_rel_scale": "AbsRel ↓ scale", "delta1_scale": "δ1 ↑ scale",
    "abs_rel_affine": "AbsRel ↓ scale and shift", "delta1_affine": "δ1 ↑ scale and shift",
}  # fmt: skip
REGIONS = {
    "model": "model", "alignment": "alignment", "region": "region", "abs_rel": "AbsRel ↓", "delta1": "δ1 ↑",
    "rmse": "RMSE ↓", "silog": "SILog ↓", "si_rmse": "si-RMSE ↓",
}  # fmt: skip
DIFFERENCES = {
    "protocol": "protocol", "model": "model", "other": "minus", "metric": "metric", "difference": "difference",
    "p_holm": "p (Holm)", "resolution": "GT resolution", "verdict": "verdict", "videos": "videos", "frames": "frames of both",
    "left_out_frames": "left out",
}  # fmt: skip
SURFACES = {
    "model": "model", "alignment": "alignment", "normal_mean_deg": "normals (°) ↓", "normal_median_deg": "median (°) ↓",
    "normal_11": "< 11.25° ↑", "normal_22": "< 22.5° ↑", "normal_30": "< 30° ↑", "rel_normal_deg": "relative normals (°) ↓",
    "point_rel": "points, rel ↓", "point_delta1": "points, δ1 ↑",
}  # fmt: skip
_UNKNOWN_FOCAL = (
    f"Clips whose own focal length has a sigma above {100 * MAX_FOCAL_SIGMA_REL:g} % do not count where it matters."
)
BELOW_SURFACES = (
    "Normals of depth on the camera of the GT, which a scale does not change; points are on the model's own camera, where it "
    f"states one. {_UNKNOWN_FOCAL}"
)
CLOUDS = {
    "model": "model", "cameras": "cameras", "clips": "clips", "f_score": "F-score ↑", "precision": "precision ↑",
    "recall": "recall ↑", "overall_m": "overall (m) ↓",
}  # fmt: skip
PUBLISHED = {
    "model": "model", "published": "published as", "metric": "metric", "value": "measured", "published_value": "published",
    "distance": "measured minus published", "lowest": "lowest of all protocols", "highest": "highest",
    "nearest_protocol": "nearest",
    "nearest_alignment": "alignment", "nearest_value": "its figure", "explanation": "what could explain it", "source": "source",
}  # fmt: skip
PAIRS = {
    "model": "model", "kind": "kind", "images_of": "images", "accuracy": "accuracy ↑", "pairs": "pairs",
    "unanswered": "without an answer",
}  # fmt: skip
BELOW_PAIRS = (
    "Share of pairs whose nearer point is predicted nearer; a pair that is level, or has a point without an answer, is not in "
    "order. Brackets are 95 % intervals over images; no protocol applies."
)
CAMERAS = {
    "model": "model", "clips": "clips", "focal_rel": "focal ↓", "fov_deg": "FoV (°) ↓", "pose_auc_3": "AUC@3° ↑",
    "pose_auc_5": "AUC@5° ↑", "pose_auc_30": "AUC@30° ↑", "ate": "ATE (m) ↓", "rpe_trans": "RPE (m) ↓",
    "rpe_rot_deg": "RPE (°) ↓",
}  # fmt: skip
BELOW_CAMERAS = (
    "The models' own cameras, mean over clips; no protocol applies to them. Lengths are of metric clips. "
    f"{_UNKNOWN_FOCAL}"
)
WORDS = frozenset(
    {
        "model",
        "other",
        "alignment",
        "kind",
        "images_of",
        "protocol",
        "scope",
        "region",
        "metric",
        "verdict",
        "protocol_hash",
        "published",
        "nearest_protocol",
        "nearest_alignment",
        "explanation",
        "source",
    }
)
"""Columns that hold words; all others hold figures and stand to the right."""
VERDICTS = {
    "resolved": "resolved", "below_resolution": "not resolved: within the error of the GT",
    "interval_holds_zero": "not resolved: interval holds 0", "among_many": "not resolved: one of many comparisons",
    "too_few_videos": "fewer than 3 videos: no interval",
    "no_figure": "no figure: values that are not finite",
}  # fmt: skip
NOTHING_SCORED = "No frame was scored."
DASH = "–"


@dataclass(frozen=True)
class Cell:
    """One cell: what is shown, and what the column is sorted by."""

    text: str
    value: float | str


@dataclass(frozen=True)
class Table:
    """Columns by title, cells by row, and lines that belong below."""

    columns: dict[str, str]
    rows: list[list[Cell]]
    below: list[str]

    @property
    def titles(self) -> list[tuple[str, bool]]:
        """Title of each column, and whether it holds words."""
        return [(title, name in WORDS) for name, title in self.columns.items()]


def headline(rows: Sequence[Row]) -> dict[str, str]:
    """Columns of the main table."""
    known = [row["ause"] for row in rows if row.get("ause") is not None]  # JSON has null for what is not a number
    stated = any(math.isfinite(value) for value in known)
    return HEADLINE | (UNCERTAINTY if stated else {}) | (NETWORK if any("forward_ms" in row for row in rows) else {})


def table(columns: dict[str, str], rows: Sequence[Row], below: Sequence[str]) -> Table:
    """Rows of ``leaderboard`` as text."""
    return Table(columns, [[_cell(name, row) for name in columns] for row in rows], list(below))


def _cell(name: str, row: Row) -> Cell:
    if name == "missing" and "missing_frames" in row:
        share = row["missing_pixel_share"]
        pixels = f" + {100 * share:.2g} % px" if share is not None and share > 0 else ""
        return Cell(f"{row['missing_frames']}{pixels}", float(row["missing_frames"]))
    value = row.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Cell(DASH, math.inf)
    if name == "rank":
        low, high = row["rank_low"], row["rank_high"]
        return Cell(str(value) if low is None else f"{value} [{low}–{high}]", float(value))
    if name == "parameters":
        return Cell(f"{value / 1e6:.2f} M", float(value))
    if name in ("forward_ms", "total_ms"):
        return Cell(f"{value:.1f} [{row[f'{name}_low']:.1f}, {row[f'{name}_high']:.1f}]", value)
    if name == "verdict":
        return Cell(VERDICTS[value], value)
    if isinstance(value, float):
        return Cell(f"{value:.3f}" + _interval(name, row), value)
    if isinstance(value, int):
        return Cell(f"{value:,}".replace(",", " ") if name == "pixels" else str(value), float(value))
    return Cell(str(value), str(value))


def _interval(name: str, row: Row) -> str:
    low, high = (row.get(f"{name}_low"), row.get(f"{name}_high")) if name != "difference" else (row["low"], row["high"])
    known = low is not None and high is not None and math.isfinite(low)
    return f" [{low:.3f}, {high:.3f}]" if known else ""


def below_clouds(settings: FusionSettings) -> str:
    """What a reader of the table of fused clouds must know."""
    return (
        f"Fused at a voxel of {settings.voxel_m:.4g} m with a truncation of {settings.truncation_m:g} m, compared at "
        f"{settings.threshold_m:g} m; mean over metric clips. Own cameras are laid on those of the GT by a similarity."
    )


def below_differences(hashes: str) -> list[str]:
    """What a reader of the table of differences must know."""
    return [
        hashes,
        "p is adjusted for every comparison under its protocol (Holm): of tables of equal models, 5 % at most call any pair "
        "resolved. A resolved difference also has an interval without 0 and is larger than what errors of the GT move it by.",
    ]


def below(protocol: Protocol, notes: Sequence[str]) -> list[str]:
    """What a reader of the main table must know."""
    return [
        f"Protocol {protocol.name} {protocol.hash}: alignment over each {protocol.scope}, "
        f"{REDUCERS[protocol.reducer]}; brackets are 95 % intervals over videos, of ranks the places that resolved differences "
        "leave open.",
        *notes,
    ]


REDUCERS = {
    "video": "frame > video > data set mean", "image": "mean over frames", "pixel": "mean over frames weighted by pixels",
    "pooled": "pixels pooled a video, mean over videos",
}  # fmt: skip


def markdown(content: Table) -> str:
    """GitHub-flavoured table, the lines below it."""
    lines = "".join(f"{line}\n\n" for line in content.below)
    if not content.rows:
        return f"{NOTHING_SCORED}\n\n{lines}"
    head = ["| " + " | ".join(title for title, _ in content.titles) + " |"]
    head.append("|" + "|".join("---" if words else "---:" for _, words in content.titles) + "|")
    body = ["| " + " | ".join(cell.text for cell in row) + " |" for row in content.rows]
    return "\n".join([*head, *body]) + f"\n\n{lines}"


def latex(content: Table) -> str:
    """A booktabs table that needs no package besides booktabs; the lines below it as comments."""
    import pandas as pd

    comments = "".join(f"% {line}\n" for line in (*([] if content.rows else [NOTHING_SCORED]), *content.below))
    if not content.rows:
        return comments
    frame = pd.DataFrame([[cell.text for cell in row] for row in content.rows], columns=list(content.columns))
    styled = frame.style.format(escape="latex").hide(axis="index")
    styled = styled.format_index(lambda name: _latex_title(content.columns[str(name)]), axis=1)
    alignment = "".join("l" if words else "r" for _, words in content.titles)
    body: str = styled.to_latex(hrules=True, column_format=alignment)
    return body.replace(DASH, "--") + comments


def _latex_title(title: str) -> str:
    return title.replace("↓", r"$\downarrow$").replace("↑", r"$\uparrow$").replace("δ1", r"$\delta_1$")


def csv(rows: Sequence[Row], hashes: str) -> str:
    """Every figure at full precision, the hash of the protocol, or of all of them, in the last column; NaN is empty."""
    import pandas as pd

    if not rows:
        return pd.DataFrame(columns=["model", "kind", "alignment", "abs_rel", "delta1", "hash"]).to_csv(index=False)
    text: str = pd.DataFrame([{**row, "hash": hashes} for row in rows]).to_csv(index=False, lineterminator="\n")
    return text
