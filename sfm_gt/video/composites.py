"""Pictures made of several: split screens, mirrored halves, and a small picture inside a large one.

Seams between takes are straight lines over the whole picture that keep their place in all frames while what they part
passes by; a doorway, a window or a mirror in the scene moves with the scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import Rejected, knowing
from sfm_gt.imaging.resizing import shrunk
from sfm_gt.video.displacement import Displacements
from sfm_gt.video.line_evidence import CONTEXT_ROWS, LineEvidence, by_segment, line_contrast, measure_lines
from sfm_gt.video.mirroring import clearest_axis
from sfm_gt.video.picture_area import LINE_GAP_ROWS, STRIP, Rectangle

Grey = UInt8[np.ndarray, "h w"]

# All limits set on the half-size kitchen, examples/demo and golf_alley in 12 compositions, and on the same clips whole.
SEAM_CONTRAST = 1.4  # a line's step against its context: richly textured takes part by no more
MAX_SEAM = 0.65  # of a line's length; scenes under a moving camera reach 0.31, a level horizon passed sideways 0.56
# In four frames of five, half of the segments must show the line by themselves: 0.81 and more on seams, 0.28 elsewhere.
FRAME_CONTRAST, FRAME_SHARE = 1.1, 0.5
MIN_PANEL = 0.12  # of the picture on either side of a seam
BESIDE = 0.06  # of the picture on either side of a seam, in which something must move: banners stand still there
MIN_UNREST = 0.2  # of the frames in which a moving segment's typical pixel changes
MIN_PICTURE = 0.15  # of the canvas: 16:9 in 9:16, itself cropped to a cinema format, still fills 0.24
MAX_MIRRORED = 0.9  # correlation of fine detail with its mirror image in the least alike of the frames
MIRROR_LONG_SIDE_PX = 160
MIN_INSET, MAX_INSET = 0.08, 0.7  # sides of an inset picture, as shares of the picture's
MAX_OUTLINE = 0.7  # of an inset's outline that may be a line in place
MIN_SIDE = 0.4  # of each of its sides
OUTLINE_CONTRAST = 1.7  # higher than SEAM_CONTRAST: less of a line averages out less of the scene
MAX_BEYOND = 0.5  # of the lines' continuation: seams of a split screen go on
INSET_BESIDE_PX = 10  # on either side of an outline, in which something must move: captions stand still there
LINE_WINDOW_PX = 25  # along a line: averages the contents away, shorter than an inset's side
CORNER_PX = 3
MAX_LINES = 12  # of each direction, that outlines are made of


@dataclass(frozen=True)
class Seam:
    """A line in place across the picture: vertical or horizontal, at which pixel, on how much of its length it is seen."""

    vertical: bool
    position: int
    held: float


def judge_composition(greys: Sequence[Grey], picture: Rectangle, displacements: Displacements) -> dict[str, float]:
    """Figures for the manifest.

    Args:
        greys: small grey frames all over one clip, as for :func:`find_picture`.
        picture: where the picture lies on them.
        displacements: of all frames of the clip, as large as ``greys``.

    Raises:
        Rejected: ``split_screen``, ``mirrored_picture`` or ``picture_in_picture``.
    """
    height, width = greys[0].shape
    share = picture.width * picture.height / (height * width)
    measures = {"picture_share": round(share, 4)}
    with knowing(measures):
        _judge(greys, picture, displacements, share, measures)
    return measures


def _judge(
    greys: Sequence[Grey], picture: Rectangle, displacements: Displacements, share: float, measures: dict[str, float]
) -> None:
    """Adds figures to ``measures`` as they become known, and raises the verdict."""
    if share < MIN_PICTURE:
        raise Rejected("picture_in_picture", f"what moves is a rectangle of {100 * share:.0f} % of the canvas, needed "
                       f"{100 * MIN_PICTURE:.0f} %; crop the video to it", round(share, 3), MIN_PICTURE)  # fmt: skip
    inside = [np.ascontiguousarray(picture.crop(grey)) for grey in greys]
    if len(inside) < 2:
        return
    mirrored = mirror_correlation(inside)
    if mirrored > MAX_MIRRORED:
        raise Rejected("mirrored_picture", f"one half of the picture is the mirror image of the other (correlation "
                       f"{mirrored:.2f}, at most {MAX_MIRRORED:g} allowed); use the video without this effect",
                       round(mirrored, 3), MAX_MIRRORED)  # fmt: skip
    turned = [np.ascontiguousarray(grey.T) for grey in inside]
    lines = measure_lines(inside), measure_lines(turned)
    seams = (
        _seam(inside, lines[0], picture.y0, displacements, False),
        _seam(turned, lines[1], picture.x0, displacements, True),
    )
    seam = max(seams, key=lambda one: one.held)
    measures["seam_share"] = round(seam.held, 3)
    if seam.held > MAX_SEAM:
        place = f"{'x' if seam.vertical else 'y'} = {seam.position / (lines[not seam.vertical].step.shape[1]):.2f}"
        raise Rejected("split_screen", f"a straight seam at {place} of the picture is fixed over "
                       f"{100 * seam.held:.0f} % of its length, at most {100 * MAX_SEAM:.0f} % allowed, while both sides "
                       "move; crop the panels into separate videos, or a bar of the camera's mount out of the picture",
                       round(seam.held, 3), MAX_SEAM)  # fmt: skip
    outline = inset_outline(inside, *lines)
    if outline > MAX_OUTLINE and displacements.both_ways():
        raise Rejected("picture_in_picture", f"the outline of a rectangle in the picture is fixed over "
                       f"{100 * outline:.0f} % of its length, at most {100 * MAX_OUTLINE:.0f} % allowed, while its "
                       "content moves; use the video without the inset", round(outline, 3), MAX_OUTLINE)  # fmt: skip


def _seam(
    greys: Sequence[Grey], evidence: LineEvidence, offset: int, displacements: Displacements, vertical: bool
) -> Seam:
    """The clearest line that parts the picture into two sides that both move right next to it, one of them across it.

    Args:
        greys: those of ``evidence``.
        offset: of the picture on the canvas of ``displacements``, across the line.
    """
    unrest, height = by_segment(evidence.unrest), len(evidence.step)
    margin, reach = max(round(MIN_PANEL * height), 1), max(round(BESIDE * height), 2 * LINE_GAP_ROWS)
    line = line_contrast(by_segment(evidence.step)) >= SEAM_CONTRAST
    best = Seam(vertical, 0, 0.0)
    for row in np.flatnonzero(line.mean(axis=1) > MAX_SEAM / 2).tolist():
        if not margin <= row < height - margin:
            continue
        sides = slice(row - LINE_GAP_ROWS - reach, row - LINE_GAP_ROWS), slice(row + LINE_GAP_ROWS + 1, row + reach + 3)
        moves = [unrest[max(side.start, 0) : side.stop].max(axis=0) >= MIN_UNREST for side in sides]
        held = float((line[row] & moves[0] & moves[1]).mean())
        strip, place = round(STRIP * height), offset + row
        if (
            held > max(best.held, MAX_SEAM)
            and _always(greys, row)
            and (
                displacements.across(vertical, place - strip, place)
                or displacements.across(vertical, place, place + strip)
            )
        ):
            best = Seam(vertical, row, held)
    return best


def _always(greys: Sequence[Grey], row: int) -> bool:
    """Whether a line is there in nearly every single frame, as an edge that crosses the picture is not."""
    reach = max(CONTEXT_ROWS) + 2
    shares = []
    for grey in greys:
        # Lines near the border of the image have no context beyond it.
        window = np.pad(grey, ((reach, reach), (0, 0)), mode="edge")[row : row + 2 * reach + 1].astype(np.float32)
        steps = np.pad(np.abs(window[2:] - window[:-2]), ((1, 1), (0, 0)))
        contrast = line_contrast(by_segment(steps))[reach - 1 : reach + 2].max(axis=0)
        shares.append((contrast >= FRAME_CONTRAST).mean())
    return bool(np.quantile(shares, 0.2) >= FRAME_SHARE)


def mirror_correlation(greys: Sequence[Grey]) -> float:
    """How alike one half is to the mirror image of the other, in fine detail, in all but a tenth of the frames.

    Left and right, and top and bottom; the axis may lie anywhere in the middle half.
    """
    factor = min(1.0, MIRROR_LONG_SIDE_PX / max(greys[0].shape))
    small = [shrunk(grey, factor) for grey in greys]
    best = 0.0
    for seen in (small, [grey.T for grey in small]):
        height = len(seen[0])
        best = max(best, clearest_axis(seen, range(height // 2, height + height // 2), MAX_MIRRORED)[1])
    return best


def inset_outline(greys: Sequence[Grey], horizontal: LineEvidence, vertical: LineEvidence) -> float:
    """On how much of its outline the clearest inset rectangle is a line in place; 0 where nothing looks like one.

    Args:
        greys: those of ``horizontal``; ``vertical`` is of the transposed ones.
    """
    in_rows = _in_place(horizontal)
    in_columns = tuple(each.T for each in _in_place(vertical))
    height, width = in_rows[0].shape
    rows, columns = _long_lines(in_rows), _long_lines(tuple(each.T for each in in_columns))
    sums_x = tuple(np.pad(np.cumsum(each, axis=1), ((0, 0), (1, 0))) for each in in_rows)
    sums_y = tuple(np.pad(np.cumsum(each, axis=0), ((1, 0), (0, 0))) for each in in_columns)
    best = 0.0
    for y0, y1 in _spans(rows, height):
        for x0, x1 in _spans(columns, width):
            # What moves must lie below the upper side, above the lower one, and likewise left and right.
            sides = [_Side(sums_x[after][y], x0, x1) for y, after in ((y0, 0), (y1, 1)) if 0 < y < height]
            across = [_Side(sums_y[after][:, x], y0, y1) for x, after in ((x0, 0), (x1, 1)) if 0 < x < width]
            outline = _outline([*sides, *across]) if sides and across else 0.0
            if outline > max(best, MAX_OUTLINE) and _always_outlined(greys, Rectangle(x0, y0, x1, y1)):
                best = outline
    return best


def _always_outlined(greys: Sequence[Grey], inset: Rectangle) -> bool:
    """Whether every side of an inset is there in nearly every frame."""
    x0, y0, x1, y1 = inset
    height, width = greys[0].shape
    rows = [_always([grey[:, x0:x1] for grey in greys], y) for y in (y0, y1) if 0 < y < height]
    return all(rows) and all(_always([grey[y0:y1].T for grey in greys], x) for x in (x0, x1) if 0 < x < width)


class _Side(NamedTuple):
    """One side of a rectangle: running sums of what is in place along its line, and where it begins and ends."""

    sums: Float[np.ndarray, " n"]
    first: int
    last: int

    def filled(self) -> float:
        """Share of the side in place, its corners left out."""
        first, last = self.first + CORNER_PX, max(self.last - CORNER_PX, self.first + CORNER_PX + 1)
        return float(self.sums[last] - self.sums[first]) / (last - first)

    def beyond(self) -> float:
        """Share of its continuation, by a third of the side at either end, that is in place too."""
        reach = max((self.last - self.first) // 3, 4 * CORNER_PX)
        ends = ((max(self.first - reach, 0), max(self.first - CORNER_PX, 0)),
                (self.last + CORNER_PX, min(self.last + reach, len(self.sums) - 1)))  # fmt: skip
        return max((float(self.sums[b] - self.sums[a]) / (b - a) for a, b in ends if b - a > CORNER_PX), default=0.0)


def _outline(sides: list[_Side]) -> float:
    """Mean share of the sides that is in place; 0 where one is not, or where they go on as seams of a split screen do."""
    filled = [side.filled() for side in sides]
    if min(filled) < MIN_SIDE or max(side.beyond() for side in sides) > MAX_BEYOND:
        return 0.0
    return float(np.mean(filled))


def _in_place(evidence: LineEvidence) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Where a horizontal line keeps its place, in its row or in one next to it, while right below (above) something moves."""
    window = LINE_WINDOW_PX, 1
    found = line_contrast(cv2.blur(evidence.step, window)) >= OUTLINE_CONTRAST
    moves = cv2.blur(evidence.unrest, window) >= MIN_UNREST
    below, above = np.zeros_like(moves), np.zeros_like(moves)
    for distance in range(LINE_GAP_ROWS + 1, INSET_BESIDE_PX + 1):
        below[:-distance] |= moves[distance:]
        above[distance:] |= moves[:-distance]
    thick = np.ones((3, 1), np.uint8)
    return (cv2.dilate((found & below).astype(np.uint8), thick).astype(bool),
            cv2.dilate((found & above).astype(np.uint8), thick).astype(bool))  # fmt: skip


def _long_lines(in_place: tuple[Bool[np.ndarray, "h w"], ...]) -> list[int]:
    """Rows that hold enough of a line, each the longest of its neighbourhood, at most MAX_LINES."""
    count = np.maximum(*(each.sum(axis=1) for each in in_place))
    kept: list[int] = []
    for row in np.argsort(-count, kind="stable").tolist():
        if count[row] < MIN_INSET * in_place[0].shape[1] or len(kept) == MAX_LINES:
            break
        if all(abs(row - other) > LINE_GAP_ROWS + 1 for other in kept):
            kept.append(row)
    return kept


def _spans(lines: list[int], size: int) -> list[tuple[int, int]]:
    ends = sorted({0, *lines, size})
    return [(a, b) for i, a in enumerate(ends) for b in ends[i + 1 :] if MIN_INSET <= (b - a) / size <= MAX_INSET]
