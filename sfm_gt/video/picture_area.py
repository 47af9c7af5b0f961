"""The rectangle of the moving picture inside the canvas: bars of any share and colour, also with text on them, and fills
that show a blurred, enlarged copy of the picture or the mirror image of its edge.

A bar ends in a straight line over the whole length of the picture that keeps its place in all frames, while the picture
passes by inside of it; outside of it nothing changes, or nothing has fine detail. Without all that there is no bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.resizing import shrunk
from sfm_gt.video.displacement import Displacements
from sfm_gt.video.line_evidence import (
    DETAIL_LEVELS,
    DETAIL_WINDOW_PX,
    LINE_CONTRAST,
    MIN_FREE,
    PRINTED,
    QUIET_LEVELS,
    LineEvidence,
    by_segment,
    line_contrast,
    measure_lines,
)
from sfm_gt.video.mirroring import mirrored_rows

Grey = UInt8[np.ndarray, "h w"]
T = TypeVar("T")

# All limits set on the half-size kitchen, examples/demo and golf_alley, framed in 18 ways, against the same clips unframed.
MIN_SAMPLES, MAX_SAMPLES, FRAMES_A_SAMPLE = 12, 32, 4
MIN_BAR_ROWS = 2
MAX_BAR = 0.9  # of the canvas on one side
LINE_GAP_ROWS = 2  # a line blurred by scaling and coding reaches this far to either side
HELD = 0.6  # of the line's length on which it must be seen: the rest may be as dark as the bar
HELD_ALONE = 0.85  # where the scene does not move across the line; a level horizon passed sideways reaches 0.75
# Of the segments that show anything, beside text. With fewer the line must be clear in all but one of seven (HELD_ALONE),
# and what lies beyond it of one tone; below the second, which is one end of the line, nothing is said.
MIN_SEEN, MIN_SEEN_EVEN = 0.25, 0.1
MIN_LIVE_UNREST = 0.2  # of the frames: where less changes, nothing lies beside the line that could be told from it
MIN_BEGIN = 0.3  # of the frames, by which pixels right inside of a line change (or have fine detail) more often
# Text on bars: so much of any row, and of the typical one, must be still or soft; a heading covers two thirds of a row.
MIN_PLAIN_ROW, MIN_PLAIN_TYPICAL = 0.3, 0.9
MIN_PLAIN_FRAME = 0.7  # of the bar in nine frames of ten: a change of subtitles touches less
# A bar is still or soft on all of its length: beside a banner the picture goes on. One segment may be all text.
MAX_SEGMENT, MIN_SEGMENTS = 0.4, 0.9
MIN_PLAIN_STEP = 0.03  # by which the rows beside a line are stiller or softer outside than inside
BESIDE = 0.08  # of the canvas right inside of a line, in which something must change: banners stand still there
STRIP = 0.15  # of the canvas beside a line, in which the scene must move across it
MIN_EVEN = 0.9  # of a bar of one tone
MIN_COPY_CORRELATION = 0.7
COPY_ZOOMS = (1.0, 1.25, 1.6, 2.0)  # beyond what fills the canvas
COPY_LONG_SIDE_PX = 48
REFINE_STEP = 4  # of the sampled frames, so many are read again at full size
EDGE_SHARE = 0.5  # of the strongest step: a row that is part bar, part picture


class Rectangle(NamedTuple):
    """Whole pixels; the right and lower bounds lie outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """In pixels."""
        return self.y1 - self.y0

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The part of an image, (H, W) or (H, W, C), that lies inside."""
        return image[self.y0 : self.y1, self.x0 : self.x1]

    def outside(self, height: int, width: int) -> Bool[np.ndarray, "h w"]:
        """True outside of it, on a canvas of this size."""
        mask = np.ones((height, width), dtype=bool)
        self.crop(mask)[:] = False
        return mask


@dataclass(frozen=True)
class _Bar:
    """The line in which a bar ends: its row from that side, on how much of its length it is seen, what lies outside."""

    row: int
    held: float
    still: bool


def sampled(frames: Sequence[T]) -> list[T]:
    """Of one entry for each frame of a clip, some that are spread evenly: enough to tell what keeps its place."""
    count = min(len(frames), MAX_SAMPLES, max(MIN_SAMPLES, len(frames) // FRAMES_A_SAMPLE))
    return [frames[i] for i in sorted({int(i) for i in np.linspace(0, len(frames) - 1, count).round()})]


def picture_of(image: np.ndarray, picture: Rectangle, canvas_width: int) -> np.ndarray:
    """The part of a smaller image of the canvas that surely lies inside of the picture.

    Args:
        picture: on the canvas, which is ``canvas_width`` pixels wide.
    """
    factor = image.shape[1] / canvas_width
    x0, y0 = (int(np.ceil(low * factor)) for low in picture[:2])
    x1, y1 = (int(high * factor) for high in picture[2:])
    return np.ascontiguousarray(Rectangle(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)).crop(image))


def find_picture(greys: Sequence[Grey], displacements: Displacements) -> Rectangle:
    """The picture on the canvas, in pixels of ``greys``; the whole canvas where no bar is certain.

    Args:
        greys: small grey frames all over one clip, see :func:`sampled`.
        displacements: of all frames of the clip, as large as ``greys``.
    """
    height, width = greys[0].shape
    picture = Rectangle(0, 0, width, height)
    while len(greys) > 1:
        inner = picture
        for transposed in (False, True):
            inner = _without_bars(greys, inner, displacements, transposed)
            inner = _without_mirrored_fill(greys, inner, transposed)
        if inner == picture:
            break
        picture = inner
    return picture


def _without_bars(
    greys: Sequence[Grey], picture: Rectangle, displacements: Displacements, transposed: bool
) -> Rectangle:
    """The picture less the bars above and below it, or left and right of it."""
    inside = [_oriented(picture.crop(grey), transposed) for grey in greys]
    evidence = measure_lines(inside)
    flipped = _flipped(evidence)
    near, far = _bar(evidence), _bar(flipped)
    height, width = inside[0].shape
    top, bottom = (near.row if near else 0), height - (far.row if far else 0)
    if not (near or far) or bottom - top < 4 * LINE_GAP_ROWS:
        return picture
    offset = picture.x0 if transposed else picture.y0
    reach = round(STRIP * greys[0].shape[1 if transposed else 0])
    copied = _shows_copy(inside, Rectangle(0, top, width, bottom))
    first, last = offset, offset + height
    if near and (copied or _still_and_even(near, evidence) or
                 displacements.across(transposed, offset + top, offset + top + reach)):  # fmt: skip
        first = offset + exact_line(inside, top, LINE_GAP_ROWS)
    if far and (copied or _still_and_even(far, flipped) or
                displacements.across(transposed, offset + bottom - reach, offset + bottom)):  # fmt: skip
        last = offset + height - exact_line([grey[::-1] for grey in inside], far.row, LINE_GAP_ROWS)
    x0, y0, x1, y1 = picture
    return Rectangle(first, y0, last, y1) if transposed else Rectangle(x0, first, x1, last)


def _without_mirrored_fill(greys: Sequence[Grey], picture: Rectangle, transposed: bool) -> Rectangle:
    inside = [_oriented(picture.crop(grey), transposed) for grey in greys]
    low, high = mirrored_rows(inside), mirrored_rows([grey[::-1] for grey in inside])
    x0, y0, x1, y1 = picture
    return Rectangle(x0 + low, y0, x1 - high, y1) if transposed else Rectangle(x0, y0 + low, x1, y1 - high)


def _still_and_even(bar: _Bar, evidence: LineEvidence) -> bool:
    """A bar of one tone without text, accepted where the scene does not move across its line as well.

    The sky over a level horizon that is passed sideways is less: something stands before it.
    """
    outside = slice(0, max(bar.row - LINE_GAP_ROWS + 1, 1))
    clean = evidence.quiet[:, outside].mean(axis=0).min() >= MIN_PLAIN_TYPICAL
    return bar.still and bool(clean) and _of_one_tone(evidence, outside) and bar.held >= HELD_ALONE


def _oriented(grey: Grey, transposed: bool) -> UInt8[np.ndarray, "a b"]:
    return np.ascontiguousarray(grey.T if transposed else grey)


def _flipped(evidence: LineEvidence) -> LineEvidence:
    step, unrest, detail = (each[::-1] for each in (evidence.step, evidence.unrest, evidence.detail))
    quiet, soft, even = (each[:, ::-1] for each in (evidence.quiet, evidence.soft, evidence.even))
    return LineEvidence(step, unrest, detail, quiet, soft, even, evidence.printed[::-1])


def _bar(evidence: LineEvidence) -> _Bar | None:
    """The clearest line with nothing but still or soft rows outside of it, and a moving picture inside."""
    (held, seen), height = _held(evidence), len(evidence.step)
    reach, best = max(height // 4, 4 * LINE_GAP_ROWS), None
    for row in range(MIN_BAR_ROWS, min(round(MAX_BAR * height), height - 2 * LINE_GAP_ROWS)):
        if held[row] < (best.held if best else HELD) or seen[row] < MIN_SEEN_EVEN:
            continue
        outside, inside = slice(0, max(row - LINE_GAP_ROWS + 1, 1)), slice(row + LINE_GAP_ROWS + 1, row + reach)
        still = _plain(evidence.quiet, evidence.unrest, outside, inside)
        soft = _plain(evidence.soft, evidence.detail, outside, inside)
        beside = slice(inside.start, inside.start + max(round(BESIDE * height), 4 * LINE_GAP_ROWS))
        hidden = seen[row] < MIN_SEEN and not (still and held[row] >= HELD_ALONE and _of_one_tone(evidence, outside))
        if (still or soft) and not hidden and _held_inside(evidence, beside) >= HELD:
            best = _Bar(row, float(held[row]), still)
    return best


def _of_one_tone(evidence: LineEvidence, outside: slice) -> bool:
    return bool(np.median(evidence.even[:, outside]) >= MIN_EVEN)


def _held_inside(evidence: LineEvidence, inside: slice) -> float:
    """Share of the live segments in which something changes right inside of a line."""
    unrest = np.nan_to_num(by_segment(evidence.unrest, evidence.printed))
    live = unrest.max(axis=0) >= MIN_LIVE_UNREST
    return float((unrest[inside].max(axis=0) >= MIN_LIVE_UNREST)[live].mean())


def _held(evidence: LineEvidence) -> tuple[Float[np.ndarray, " h"], Float[np.ndarray, " h"]]:
    """Share of its length on which each row is a line in place, of the segments that show anything and are not hidden, and the
    share of those that show anything which are not.

    Text across a line hides it: it is judged between the letters, and where text leaves too little by the other segments.
    """
    unrest, detail, step = (
        by_segment(each, evidence.printed) for each in (evidence.unrest, evidence.detail, evidence.step)
    )
    live = np.nan_to_num(unrest).max(axis=0) >= MIN_LIVE_UNREST
    if not live.any():
        return np.zeros(len(unrest)), np.zeros(len(unrest))
    line = line_contrast(np.nan_to_num(step)) >= LINE_CONTRAST
    gap = LINE_GAP_ROWS
    begins, seen = np.zeros_like(line), np.isfinite(unrest)
    for share in (unrest, detail):
        begins[gap:-gap] |= share[2 * gap :] - share[: -2 * gap] >= MIN_BEGIN  # never where either is NaN
        seen[gap:-gap] &= np.isfinite(share[2 * gap :]) & np.isfinite(share[: -2 * gap])
    n_seen = (seen & live).sum(axis=1)
    held = ((line | begins) & seen & live).sum(axis=1) / np.maximum(n_seen, 1)
    return held, n_seen / live.sum()


def _plain(share: Float[np.ndarray, "n h"], other: Float[np.ndarray, "h w"], outside: slice, inside: slice) -> bool:
    """Whether the rows outside of a line are still (or soft) but for text, and more so than those inside.

    Args:
        share: by frame and row, of pixels that are.
        other: by pixel, of frames in which it is not.
    """
    rows, frames = share[:, outside].mean(axis=0), share[:, outside].mean(axis=1)
    beside = rows[-(inside.stop - inside.start) :]
    return bool(
        rows.min() >= MIN_PLAIN_ROW
        and np.median(rows) >= MIN_PLAIN_TYPICAL
        and np.quantile(frames, 0.1) >= MIN_PLAIN_FRAME
        and (by_segment(other[outside]).mean(axis=0) <= MAX_SEGMENT).mean() >= MIN_SEGMENTS
        and beside.mean() - share[:, inside].mean() >= MIN_PLAIN_STEP
    )


def _shows_copy(greys: Sequence[Grey], picture: Rectangle) -> bool:
    """Whether what lies outside is an enlarged copy of the picture, whatever its brightness and blur."""
    height, width = greys[0].shape
    factor = COPY_LONG_SIDE_PX / max(height, width)
    size = (max(round(width * factor), 4), max(round(height * factor), 4))
    small = [cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32) for grey in greys[::3]]
    edges = np.array(picture) * factor
    inner = Rectangle(int(edges[0]), int(edges[1]), int(np.ceil(edges[2])), int(np.ceil(edges[3])))
    outside = inner.outside(size[1], size[0])
    if not outside.any():
        return False
    shown = np.array([grey[outside] for grey in small])
    best = -1.0
    for zoom in COPY_ZOOMS:
        for stretched in (False, True):
            copies = [_copy(picture.crop(grey), size, factor, zoom, stretched) for grey in greys[::3]]
            best = max(best, _correlation(shown, np.array([copy[outside] for copy in copies])))
    return best >= MIN_COPY_CORRELATION


def _copy(
    picture: Grey, size: tuple[int, int], factor: float, zoom: float, stretched: bool
) -> Float[np.ndarray, "h2 w2"]:
    """The picture enlarged to fill a canvas of ``size`` (width, height) round its middle, as the fill would be."""
    height, width = picture.shape
    scale_x, scale_y = size[0] / width, size[1] / height
    if not stretched:
        scale_x = scale_y = max(scale_x, scale_y)
    scale_x, scale_y = scale_x * zoom, scale_y * zoom
    small = shrunk(picture, 2 * factor)
    scale_x, scale_y = scale_x * width / small.shape[1], scale_y * height / small.shape[0]
    to_canvas = np.array([[scale_x, 0, (size[0] - scale_x * small.shape[1]) / 2],
                          [0, scale_y, (size[1] - scale_y * small.shape[0]) / 2]])  # fmt: skip
    enlarged = cv2.warpAffine(small.astype(np.float32), to_canvas, size, flags=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(enlarged, (0, 0), 1.0)


def _correlation(a: Float[np.ndarray, "n k"], b: Float[np.ndarray, "n k"]) -> float:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-6))


def exact_line(greys: Sequence[Grey], row: int, reach: int) -> int:
    """The first whole row of the picture below a line that lies within ``reach`` rows of ``row``."""
    first, last = max(row - reach, 1), min(row + reach + 1, len(greys[0]) - 2)
    rows = [grey[first - 1 : last + 2].astype(np.int16) for grey in greys]
    free = _beside_text([grey[max(first - reach, 0) : last + reach + 1] for grey in greys])
    rows = [each[:, free] for each in rows]
    steps = np.mean([np.abs(np.diff(each, axis=0)).mean(axis=1) for each in rows], axis=0)  # of rows first to last + 1
    strongest = int(np.argmax(steps[:-1]))
    mixed = steps[strongest + 1] >= EDGE_SHARE * steps[strongest]
    return first + strongest + int(mixed)


def _beside_text(greys: Sequence[Grey]) -> Bool[np.ndarray, " w"]:
    """Columns without fine detail that stays from frame to frame; all where hardly any is without."""
    greys = [np.ascontiguousarray(grey) for grey in greys]
    fine = [cv2.absdiff(grey, cv2.blur(grey, (DETAIL_WINDOW_PX, 1))) > DETAIL_LEVELS for grey in greys]
    stays = np.zeros(greys[0].shape, np.float32)
    for (a, fine_a), (b, fine_b) in pairwise(zip(greys, fine, strict=True)):
        stays += fine_a & fine_b & (cv2.absdiff(a, b) <= QUIET_LEVELS)
    free = np.asarray(~(stays >= PRINTED * max(len(greys) - 1, 1)).any(axis=0))
    return free if float(free.mean()) >= MIN_FREE else np.ones_like(free)


def refined(picture: Rectangle, canvas: tuple[int, int], greys: Sequence[Grey]) -> Rectangle:
    """A picture found on small frames, to the pixel of large ones.

    Args:
        picture: of :func:`find_picture`, on a canvas of ``canvas`` (height, width) pixels.
        greys: some large frames of the clip.
    """
    height, width = greys[0].shape
    factor = width / canvas[1], height / canvas[0]
    found = []
    for axis, size, small in ((0, width, canvas[1]), (1, height, canvas[0])):
        low, high = picture[axis], picture[axis + 2]
        across = slice(round(picture[1 - axis] * factor[1 - axis]), round(picture[3 - axis] * factor[1 - axis]))
        lines = [_oriented(grey[across] if axis == 0 else grey[:, across], axis == 0) for grey in greys]
        reach = int(np.ceil(LINE_GAP_ROWS * factor[axis]))
        first = exact_line(lines, round(low * factor[axis]), reach) if low else 0
        flipped = [line[::-1] for line in lines]
        last = exact_line(flipped, round((small - high) * factor[axis]), reach) if high < small else 0
        found.append((first, size - last))
    (x0, x1), (y0, y1) = found
    return Rectangle(x0, y0, x1, y1)
