"""Burned-in text: edges that keep their place while the scene behind them passes by.

The gradient of text survives averaging over time, that of a moving scene does not (Dekel et al. 2017, "On the
effectiveness of visible watermarks", use the same fact over many photographs). A text found so is a template; how much of
it each single frame shows, says from when to when it was there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.stats import theilslopes

from sfm_gt.imaging.regions import dilate, disc, drop_small, fill_holes

Grey = UInt8[np.ndarray, "h w"]

STRONG_GRADIENT = 6.0  # mean over time, grey levels a pixel
STILL_COHERENCE = (
    0.92  # |mean gradient| / mean |gradient|: 1 on text, 0.3 on a scene that passes by (95th percentile 0.6)
)
MAX_SCENE_COHERENCE = 0.6  # median over strong gradients; above, the scene itself hardly moves and nothing can be told
# The scene round a text must have gone this far in the meantime, as a share of the image width: farther than the
# broad shades of a soft texture reach.
MIN_DISPLACEMENT = 0.015
# The extent of a text that is known already may be seen after a shorter way.
MIN_DISPLACEMENT_KNOWN = 0.005
WINDOW_PX = 15  # text has edges of several directions within it; the edge of a table under a pan has one
MIN_CROSS_SHARE = 0.08  # of the gradient energy in a window: how much lies across its main direction
CLOSE_PX = 4  # half the gap between letters
MIN_PRINT_PX = 40
# Still edges of at least so many pixels; in a short window many more: something that keeps its place for half a second by
# chance is small.
MIN_EDGE_PX = 30
MIN_EDGE_PX_SHORT = 120
SHORT_WINDOW_FRAMES = 30
# Right beside text the scene passes; beside what only seems to stand still (where a forward motion comes from, a figure
# that the camera follows) it does not. Median coherence of strong edges within RING_PX.
RING_PX = 14
MAX_RING_COHERENCE = 0.6
SPEED_SEARCH_PX = 3
MIN_RING_PX = 40
SHAPE_CLOSE_PX = 2
# Share of the template that a frame must show: fading text is masked from here on, and single noisy frames between two
# that show it are taken along.
MIN_PRESENCE = 0.3
CLEAR_PRESENCE = 0.6
PRESENCE_WINDOW = 5
MAX_GAP_FRAMES = 6
MIN_PRESENT_FRAMES = 12


@dataclass(frozen=True)
class BurnedInText:
    """One text in the axes of the frames that it was found in.

    Attributes:
        edges: where its gradients stand.
        gradient_x, gradient_y: their means over time, in grey levels a pixel; 0 off the edges.
    """

    edges: Bool[np.ndarray, "h w"]
    gradient_x: Float[np.ndarray, "h w"]
    gradient_y: Float[np.ndarray, "h w"]

    @property
    def shape(self) -> Bool[np.ndarray, "h w"]:
        """The area that it covers: its edges with what they enclose."""
        closed = cv2.morphologyEx(self.edges.astype(np.uint8), cv2.MORPH_CLOSE, disc(SHAPE_CLOSE_PX)).astype(bool)
        # Nothing larger than the text itself counts as a letter's inside.
        return fill_holes(closed, int(self.edges.sum()))


def find_burned_in_text(
    greys: Sequence[Grey],
    displacement_px: Float[np.ndarray, "h w"],
    min_edge_px: int,
    min_displacement: float = MIN_DISPLACEMENT,
) -> list[BurnedInText]:
    """Text that stands still through ``greys``, one for each group of neighbouring letters.

    Args:
        displacement_px: how far the scene moved meanwhile, at each pixel.
        min_edge_px: texts with fewer pixels of still edges are passed over.
        min_displacement: share of the image width that the scene must have moved behind a text.
    """
    mean_x, mean_y, strength = mean_gradients(greys)
    strong = strength > STRONG_GRADIENT
    coherence = np.hypot(mean_x, mean_y) / np.maximum(strength, 1e-6)
    if not strong.any() or np.median(coherence[strong]) > MAX_SCENE_COHERENCE:
        return []
    passing = displacement_px > min_displacement * displacement_px.shape[1]
    still = strong & (coherence > STILL_COHERENCE) & passing
    printed = still & has_crossing_edges(mean_x * still, mean_y * still)
    closed = cv2.morphologyEx(printed.astype(np.uint8), cv2.MORPH_CLOSE, disc(CLOSE_PX)).astype(bool)
    n, labels = cv2.connectedComponents(drop_small(closed, MIN_PRINT_PX).astype(np.uint8))
    found = []
    for label in range(1, n):
        region = labels == label
        edges = still & region
        if edges.sum() >= min_edge_px and _scene_passes_beside(region, strong & ~still, coherence):
            found.append(BurnedInText(edges, mean_x * edges, mean_y * edges))
    return found


def _scene_passes_beside(
    region: Bool[np.ndarray, "h w"], strong: Bool[np.ndarray, "h w"], coherence: Float[np.ndarray, "h w"]
) -> bool:
    ring = dilate(region, RING_PX) & ~dilate(region, 2) & strong
    return bool(ring.sum() < MIN_RING_PX or float(np.median(coherence[ring])) <= MAX_RING_COHERENCE)


def presence(one: BurnedInText, greys: Sequence[Grey], search_px: int = 0) -> Float[np.ndarray, " n"]:
    """Share of the text that each frame shows: its gradient's projection on the template, 1 where it is all there.

    Args:
        search_px: the text may be this far from its place.
    """
    return _projections(one, greys, search_px).reshape(len(greys), -1).max(axis=1)


def remaining_speed(one: BurnedInText, greys: Sequence[Grey], there: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " 2"]:
    """Speed (x, y), in pixels a frame, that the text still has in ``greys``: a line through its places where it is there."""
    times = np.flatnonzero(there)
    projections = _projections(one, [greys[i] for i in times.tolist()], SPEED_SEARCH_PX)
    if len(times) < MIN_PRESENT_FRAMES:
        return np.zeros(2)
    best = projections.reshape(len(times), -1).argmax(axis=1)
    rows, columns = np.unravel_index(best, projections.shape[1:])
    places = np.stack([columns, rows], axis=1) - SPEED_SEARCH_PX
    # Theil and Sen's line: single frames in which something else looks more like the text count for nothing.
    return np.array([float(theilslopes(places[:, axis], times).slope) for axis in (0, 1)])


def _projections(one: BurnedInText, greys: Sequence[Grey], search_px: int) -> Float[np.ndarray, "n s s"]:
    """Projection on the template with the text displaced by up to ``search_px`` in y and x."""
    rows, columns = (slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(one.edges))
    templates = [component[rows, columns].astype(np.float32) for component in (one.gradient_x, one.gradient_y)]
    energy = sum(float((template**2).sum()) for template in templates)
    found = []
    for grey in greys:
        padded = cv2.copyMakeBorder(grey, *[search_px] * 4, cv2.BORDER_REPLICATE)
        window = padded[rows.start : rows.stop + 2 * search_px, columns.start : columns.stop + 2 * search_px]
        pairs = zip(gradients(window), templates, strict=True)
        found.append(sum(cv2.matchTemplate(seen, template, cv2.TM_CCORR) for seen, template in pairs) / energy)
    return np.array(found, np.float32).reshape(-1, 2 * search_px + 1, 2 * search_px + 1)


def present_frames(shown: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Frames in which a text is there, from its presence: runs above MIN_PRESENCE that somewhere are clearly there."""
    # Median over time: edges of the scene that pass behind disturb single frames.
    half = PRESENCE_WINDOW // 2
    padded = np.pad(shown, half, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, PRESENCE_WINDOW), axis=1)
    there = closed_gaps(smooth > MIN_PRESENCE, MAX_GAP_FRAMES)
    kept = np.zeros_like(there)
    for first, last in runs(there):
        if last - first + 1 >= MIN_PRESENT_FRAMES and smooth[first : last + 1].max() > CLEAR_PRESENCE:
            kept[first : last + 1] = True
    return kept


def runs(there: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """(first, last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [(int(start), int(end) - 1) for start, end in edges.reshape(-1, 2)]


def closed_gaps(there: Bool[np.ndarray, " n"], longest: int) -> Bool[np.ndarray, " n"]:
    """``there`` with inner gaps of up to ``longest`` filled."""
    filled = there.copy()
    for (_, end), (start, _) in zip(runs(there), runs(there)[1:], strict=False):
        if start - end - 1 <= longest:
            filled[end:start] = True
    return filled


def gradients(grey: Grey) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Gradient's x and y, in grey levels a pixel."""
    # The 3x3 Sobel kernel sums to 8 times the slope.
    return cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)


def mean_gradients(
    greys: Sequence[Grey],
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Means over time of the gradient's x and y and of its length, in grey levels a pixel."""
    total_x, total_y, total = (np.zeros(greys[0].shape, np.float32) for _ in range(3))
    for grey in greys:
        x, y = gradients(grey)
        total_x += x
        total_y += y
        total += np.hypot(x, y)
    return total_x / len(greys), total_y / len(greys), total / len(greys)


def has_crossing_edges(x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where the gradients of a window of WINDOW_PX point in more than one direction."""
    xx, yy, xy = (cv2.blur(product, (WINDOW_PX, WINDOW_PX)) for product in (x * x, y * y, x * y))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return smaller > MIN_CROSS_SHARE * (xx + yy)
