"""Dissolves, proven by what they are: for some frames the picture is the sum of two scenes that have nothing in common.

Where fine detail of a clip fades and comes back (uncorrelated pictures laid over one another have half of it), the last
clear picture before and the first one after are aligned to each frame between by enhanced correlation (Evangelidis & Psarakis,
PAMI 2008), which follows each through the mixture. In a dissolve the frames between need both, all over the same area, and
the two show nothing in common. In a continuous take they do, however it turns, blurs or what moves through it: so it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.imaging.resizing import shrunk
from sfm_gt.video.ramps import LEAD, fit_ramp

Grey = UInt8[np.ndarray, "h w"]
Band = Float[np.ndarray, "h w"]

LONG_SIDE_PX = 160  # as coarse as alignment by a homography is good for in a room
NOISE_BLUR_PX, BAND_BLUR_PX = 1.0, 8.0  # detail between these scales is compared, at that size
# Frames from the middle of a dissolve to the clear pictures: dissolves of 8 to 60 frames, one step from the next.
HALF_WINDOWS = (6, 12, 20, 28, 36)
# Set on dissolves of 8 to 60 frames between the first half of the kitchen, ct_apple, modsynth_teaser, nf_shiba, d_enter,
# ct_pillow, lady_running_logo, d_cut, golf_alley and masks/walker, with these whole as the continuous takes.
MAX_DETAIL = 0.7  # energy of detail against the mean of both clear pictures: 0.04 to 0.65 in dissolves
PROPOSED_DETAIL = 0.8  # the same with some air
MAX_CORRELATION = 0.7  # correlation of both clear pictures as blurs, before anything is aligned
MIN_OWN_SHARE = 0.07  # of the variance between, what each picture explains beyond the other: 0.09 to 0.4 in dissolves
MIN_AREA = 0.35  # of the frame, covered by both pictures
# Correlation of the two pictures aligned to one another: up to 0.25 in dissolves, from 0.52 in continuous takes.
MAX_IN_COMMON = 0.35
N_PROBES = 5  # frames between that are looked at
MAX_ROUNDS = 4  # of measuring the ends, each with a wider look
# Frames added to either end, one and one more for so many frames of length: the fit is exact for 8 and 16 frames, off by up to
# 2 for 32 and by 3 as a rule for 48 and 60; a blended frame kept is worse than a clear one dropped.
MARGIN, LENGTH_PER_MARGIN = 1, 20
_ITERATIONS, _ECC_BLUR_PX = 15, 3


@dataclass(frozen=True)
class Dissolve:
    """Frames ``first`` to ``last`` (positions) show two scenes at once.

    Attributes:
        own_share: share of the variance of a frame between that each scene explains beyond the other, at least.
    """

    first: int
    last: int
    own_share: float


def working_image(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2"]:
    """The small grey image that dissolves are looked for in."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    factor = LONG_SIDE_PX / max(grey.shape)
    return shrunk(grey, factor)


def find_dissolves(greys: Sequence[Grey]) -> list[Dissolve]:
    """Dissolves between consecutive frames, in order.

    Args:
        greys: :func:`working_image` of each frame.
    """
    bands = [_band(grey) for grey in greys]
    energy = np.array([float((band**2).mean()) for band in bands])
    found: list[Dissolve] = []
    for middle, candidates in _proposals(greys, energy):
        if any(known.first <= middle <= known.last for known in found):
            continue
        proofs = [proof for half in candidates if (proof := _prove(bands, middle - half, middle + half)) is not None]
        if proofs:
            own_share, start, end = max(proofs)
            first, last = _extent(energy, start, end)
            # Another loss of detail near by is not what was proven: a long take shows its ends nothing in common either.
            if first <= middle <= last:
                found.append(Dissolve(first, last, round(float(own_share), 3)))
    return sorted(found, key=lambda dissolve: dissolve.first)


def detail_fades(greys: Sequence[Grey]) -> Bool[np.ndarray, " n"]:
    """Frames with less detail than what lies some way before and after them, as all dissolves have, but not they alone."""
    energy = np.array([float((_band(grey) ** 2).mean()) for grey in greys])
    fades = np.zeros(len(greys), dtype=bool)
    for half in HALF_WINDOWS:
        if len(greys) > 2 * half:
            ends = (energy[: -2 * half] + energy[2 * half :]) / 2
            fades[half:-half] |= energy[half:-half] < PROPOSED_DETAIL * ends
    return fades


def _band(grey: Grey) -> Band:
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), NOISE_BLUR_PX)
    return smooth - cv2.GaussianBlur(smooth, (0, 0), BAND_BLUR_PX)


def _proposals(greys: Sequence[Grey], energy: Float[np.ndarray, " n"]) -> Iterator[tuple[int, list[int]]]:
    """Positions where detail fades and comes back, the deepest first, and the half windows in which it does."""
    blurs = np.array([_blurred(grey) for grey in greys])
    depth = np.full((len(HALF_WINDOWS), len(greys)), np.inf)
    for row, half in enumerate(HALF_WINDOWS):
        if len(greys) > 2 * half:
            ends = (energy[: -2 * half] + energy[2 * half :]) / 2
            correlation = (blurs[: -2 * half] * blurs[2 * half :]).sum(axis=1)
            detail = energy[half:-half] / np.maximum(ends, 1e-6)
            depth[row, half:-half] = np.where((correlation < MAX_CORRELATION) & (detail < MAX_DETAIL), detail, np.inf)
    while np.isfinite(depth).any():
        row, middle = (int(i) for i in np.unravel_index(depth.argmin(), depth.shape))
        half = HALF_WINDOWS[row]
        near = slice(max(0, middle - half), middle + half + 1)
        yield (
            middle,
            [
                h
                for r, h in enumerate(HALF_WINDOWS)
                if np.isfinite(depth[r, near]).any() and _fits(middle, h, len(greys))
            ],
        )
        depth[:, near] = np.inf


def _fits(middle: int, half: int, n_frames: int) -> bool:
    return half <= middle < n_frames - half


def _blurred(grey: Grey) -> Float[np.ndarray, " k"]:
    tiny = cv2.resize(grey, (48, 27), interpolation=cv2.INTER_AREA).astype(np.float32)
    tiny = cv2.GaussianBlur(tiny, (0, 0), 1.0)
    tiny -= tiny.mean()
    return (tiny / np.sqrt(max(float((tiny**2).sum()), 1e-6))).ravel()


def _prove(bands: Sequence[Band], start: int, end: int) -> tuple[float, int, int] | None:
    """(share that each of both pictures explains by itself, start, end), or None where frames between need not both."""
    from_start, from_end = _follow(bands, start, end), _follow(bands, end, start)
    probes = sorted(
        {int(i) for i in np.linspace(start, end, N_PROBES + 2).round()[1:-1]} & set(from_start) & set(from_end)
    )
    best = 0.0, start
    for position in probes:
        shares, area = _own_shares(bands, start, end, position, from_start[position], from_end[position])
        if area >= MIN_AREA:
            best = max(best, (min(shares), position))
    own_share, position = best
    if own_share < MIN_OWN_SHARE:
        return None
    between = from_start[position] @ np.linalg.inv(from_end[position])
    guesses = [(between / between[2, 2]).astype(np.float32), np.eye(3, dtype=np.float32)]
    guesses += [from_start[end]] if end in from_start else []
    if _in_common(bands[start], bands[end], guesses) > MAX_IN_COMMON:
        return None
    return own_share, start, end


def _follow(bands: Sequence[Band], reference: int, last: int) -> dict[int, Float[np.ndarray, "3 3"]]:
    """Homographies from pixels of each frame towards ``last`` to those of the reference, as far as it can be followed."""
    step = 1 if last > reference else -1
    homography = np.eye(3, dtype=np.float32)
    found = {reference: homography}
    for position in range(reference + step, last + step, step):
        aligned = _align(bands[position], bands[reference], homography, _ITERATIONS)
        if aligned is None:
            break
        found[position] = homography = aligned
    return found


def _align(
    template: Band, moved: Band, guess: Float[np.ndarray, "3 3"], iterations: int
) -> Float[np.ndarray, "3 3"] | None:
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-3)
    try:
        _, found = cv2.findTransformECC(
            template, moved, guess.copy(), cv2.MOTION_HOMOGRAPHY, criteria, None, _ECC_BLUR_PX
        )
    except cv2.error:
        return None  # the two have lost one another
    return found


def _warped(band: Band, homography: Float[np.ndarray, "3 3"]) -> tuple[Band, Bool[np.ndarray, "h w"]]:
    """The band seen through a homography, and where it covers the frame."""
    size, flags = band.shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    covered = cv2.warpPerspective(np.ones_like(band), homography, size, flags=flags) > 0.99
    return cv2.warpPerspective(band, homography, size, flags=flags), covered


def _mixture(
    bands: Sequence[Band], start: int, end: int, position: int, to_start: np.ndarray, to_end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares of a frame as a sum of both pictures: gains, shares explained by the first, the second and both, area."""
    (before, covered), (after, covered_too) = _warped(bands[start], to_start), _warped(bands[end], to_end)
    inside = covered & covered_too
    area = float(inside.mean())
    if area < 0.05:
        return np.full(2, np.nan), np.zeros(3), area
    pictures = np.stack([before[inside], after[inside]])
    pictures = pictures - pictures.mean(axis=1, keepdims=True)
    frame = bands[position][inside] - bands[position][inside].mean()
    products, with_frame = pictures @ pictures.T, pictures @ frame
    energy = max(float(frame @ frame), 1e-6)
    gains = np.linalg.lstsq(products, with_frame, rcond=None)[0]
    alone = with_frame**2 / np.maximum(np.diag(products), 1e-6) / energy
    return gains, np.array([*alone, gains @ with_frame / energy]), area


def _own_shares(
    bands: Sequence[Band], start: int, end: int, position: int, to_start: np.ndarray, to_end: np.ndarray
) -> tuple[tuple[float, float], float]:
    _, (by_start, by_end, by_both), area = _mixture(bands, start, end, position, to_start, to_end)
    return (float(by_both - by_end), float(by_both - by_start)), area


def _in_common(start: Band, end: Band, guesses: Sequence[Float[np.ndarray, "3 3"]]) -> float:
    """Correlation of two pictures once aligned to one another, from a guess and from rest; contrast made even all over, so that
    a faint ground counts as much as what moves on it."""
    best = -1.0
    for first, last in ((start, end), (_evened(start), _evened(end))):
        for initial in guesses:
            aligned = _align(last, first, initial, 40)
            for homography in (initial, aligned):
                if homography is None:
                    continue
                picture, inside = _warped(first, homography)
                if inside.mean() >= 0.2:
                    best = max(best, float(np.corrcoef(picture[inside], last[inside])[0, 1]))
    return best


def _evened(band: Band) -> Band:
    local = cv2.GaussianBlur(band**2, (0, 0), BAND_BLUR_PX)
    return (band / np.sqrt(local + 1.0)).astype(np.float32)


def _extent(energy: Float[np.ndarray, " n"], start: int, end: int) -> tuple[int, int]:
    """First and last frame that show both, from the energy of detail: (1 - share)² of the one plus share² of the other.

    Args:
        start: a frame before or early in the dissolve.
        end: a frame late in it or behind it.
    """
    for _ in range(MAX_ROUNDS):
        low, high = max(0, start - LEAD), min(len(energy) - 1, end + LEAD)
        clear, clear_again = fit_ramp(energy[low : high + 1])
        start, end = low + clear, low + clear_again
        if (low == 0 or start > low + LEAD // 3) and (high == len(energy) - 1 or end < high - LEAD // 3):
            break  # clear frames on either side: nothing is gained by a wider look
    margin = MARGIN + (end - start - 1) // LENGTH_PER_MARGIN
    return max(0, start + 1 - margin), min(len(energy) - 1, end - 1 + margin)
