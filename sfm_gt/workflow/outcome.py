"""What the console says of a video when its job has ended, and of the whole run at its start and end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sfm_gt.errors import one_line
from sfm_gt.formats.verdict import read_manifests, read_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.report.reasons import remedy
from sfm_gt.workflow.estimate import Estimate

MOST_MODELS = 8
TABLE = "table.md"
# More refusals than this are for the report.
MAX_NAMED = 5
_BEGINS = re.compile(r"^(\w+): begins$", re.MULTILINE)
_REFUSED = re.compile(r"refused: .*\[(\w+)\]")


class Outcome(StrEnum):
    """What became of a video."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class VideoLine:
    """One line about a finished video."""

    outcome: Outcome
    text: str


def opening(estimated: Estimate | None, n_found: int, n_to_process: int, cores: int) -> str:
    """What was found, and what it will take where that is known."""
    found = f"{count(n_found, 'video')} found" + (f", {n_to_process} to process" if n_to_process < n_found else "")
    if not n_to_process or estimated is None:
        return found
    if not estimated.n_frames:
        return f"{found}; no film in what their headers say"
    film = f"{estimated.minutes:.1f} min of film ({estimated.n_frames} frames)"
    return (f"{found}: {film}\nestimate, if all of it gives ground truth: {spoken_time(estimated.seconds)} on "
            f"{count(cores, 'core')}, {spoken_size(estimated.megabytes)} of disk; refused clips take less")  # fmt: skip


def of_video(workspace: Workspace, video_id: str) -> VideoLine:
    """From the verdict that its job left.

    Raises:
        InputError: there is none.
    """
    verdict = read_verdict(workspace.verdict(video_id))
    name = one_line(verdict.facts["path"])
    if verdict.facts["reason"]:
        outcome = Outcome.FAILED if verdict.failed else Outcome.REFUSED
        return VideoLine(outcome, f"{outcome}: {_why(name, verdict.facts['message'], verdict.facts['reason'])}")
    ends = [read_manifests(workspace, clip["clip_id"])["dataset"] for clip in verdict.clips]
    good = [manifest for manifest in ends if manifest.ok]
    bad = [(manifest.reason, manifest.message) for manifest in ends if not manifest.ok]
    if not good:
        bad += [(shot["reason"], shot["message"]) for shot in verdict.rejected]
        reason, message = bad[0] if bad else ("no_clip", "no clip in it")
        return VideoLine(Outcome.REFUSED, f"refused: {_why(name, str(message), str(reason))}")
    frames = sum(int(manifest.measures["frames"]) for manifest in good)
    metric = sum(bool(manifest.measures["metric"]) for manifest in good)
    scale = "metric" if metric == len(good) else f"{metric} metric" if metric else "not metric"
    said = f"done: {name}: {count(frames, 'frame')} in {count(len(good), 'clip')} ({scale})"
    in_vain = next((str(line) for clip in verdict.clips for line in _stated_in_vain(workspace, clip["clip_id"])), None)
    if in_vain is not None:
        said = f"{said.removesuffix(')')}: {one_line(in_vain)})"
    codes = Counter(str(reason) for reason, _ in bad)
    return VideoLine(Outcome.DONE, said + "".join(f", {n} refused [{reason}]" for reason, n in sorted(codes.items())))


def _stated_in_vain(workspace: Workspace, clip_id: str) -> list[str]:
    """Why the clip is not metric although its sidecar states something to measure by."""
    scale = read_manifests(workspace, clip_id).get("scale")
    found: list[str] = scale.measures.get("stated_in_vain", []) if scale is not None and scale.ok else []
    return found


def _why(name: str, message: str, reason: str) -> str:
    """A message that names the video, once and with the folder that it lies in, and the reason code."""
    said = one_line(message).removeprefix(f"{name}: ").removeprefix(f"{Path(name).name}: ")
    return f"{name}: {said} [{reason}]"


def closing(workspace: Workspace, summary: str, width: int, unsaid: bool) -> list[str]:
    """The yield, the table of models, where the report lies and what to do about the commonest refusal.

    Args:
        summary: what the job of that name wrote.
        width: of the console; columns that do not fit stay in the file.
        unsaid: whether refusals were only counted until now; a few are named then.
    """
    refused = [line for line in summary.splitlines() if line.startswith("refused: ")]
    lines = refused if unsaid and len(refused) <= MAX_NAMED else []
    lines += [line for line in summary.splitlines() if not line.startswith(("refused: ", "left out: "))]
    table = workspace.evaluation / TABLE
    if table.is_file():
        lines += short_table(table.read_text(encoding="utf-8"), width)
    if (workspace.report / "index.html").is_file():
        lines.append(f"report: {workspace.report / 'index.html'}")
    codes = Counter(found[1] for line in summary.splitlines() if (found := _REFUSED.match(line)))
    if codes:
        ((code, times),) = codes.most_common(1)
        advice = remedy(code, "").replace("`", "") or "see the report"
        lines.append(f"commonest refusal: {code} ({times}); {advice}")
    return lines


def short_table(markdown: str, width: int) -> list[str]:
    """The first table of a Markdown text with as many columns as fit, and the first models."""
    rows = [line.strip("| \n").split(" | ") for line in markdown.split("\n\n")[0].splitlines() if "---" not in line]
    if len(rows) < 2:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    while len(widths) > 1 and sum(widths) + 2 * (len(widths) - 1) > width:
        widths.pop()
    shown = [_aligned(row, widths) for row in rows[: MOST_MODELS + 1]]
    more = len(rows) - 1 - MOST_MODELS
    return [*shown, *([f"... and {more} more"] if more > 0 else [])]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in
             enumerate(zip(row, widths, strict=False))]  # fmt: skip
    return "  ".join(cells).rstrip()


def count(n: int, thing: str) -> str:
    """``1 video``, ``2 videos``."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def spoken_time(seconds: float) -> str:
    """To the minute or the hour, as an estimate is known."""
    if seconds < 90:
        return "1 min"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def spoken_size(megabytes: float) -> str:
    """With the unit that suits."""
    if megabytes < 1000:
        return f"{max(megabytes, 1):.0f} MB"
    return f"{megabytes / 1e3:.1f} GB" if megabytes < 1e6 else f"{megabytes / 1e6:.1f} TB"


def log_excerpt(path: Path, most: int = 20) -> list[str]:
    """Why a job failed: our own last words in its log, or the end of it."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    if lines and lines[-1] == "KeyboardInterrupt":
        return ["interrupted; the same command goes on from what is finished"]
    ours = [number for number, line in enumerate(lines) if line.startswith("sfm-gt: ")]
    return lines[ours[-1] :] if ours else lines[-most:]


def stage_of_log(path: Path) -> str | None:
    """The stage that a job is at by its log, None where none has begun or the log cannot be read here."""
    try:
        begun = _BEGINS.findall(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return begun[-1] if begun else None


def log_warnings(path: Path) -> list[str]:
    """What a job warned of."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.startswith("warning: ")]
