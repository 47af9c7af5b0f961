"""What a run will take, before any of it is known but the films' headers: time by frames and pixels, disk by pixels.

The costs were measured on clips that give ground truth (benchmarks/results); a refused clip costs less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from sfm_gt.config import Config
from sfm_gt.errors import Rejected

# Structure from motion, CPU seconds: keyframes are nearly as many in a short clip as in a long one; long_clip.json, a clip of
# 3000 frames, and the kitchen's 250 frames as an earlier version took them.
SFM_S_A_CLIP, SFM_S_A_FRAME = 55.8, 0.236
# CPU seconds a pixel of a frame; dense_every_frame.json.
DENSE_S_A_PIXEL = 2.98e-6
# Decoding, masks, cleaning, maps and publishing together, by the jobs' records of the cases in run_cost.json.
OTHER_S_A_PIXEL = 3.5e-6
# Prediction and evaluation of a small network or baseline; by the same records.
MODEL_S_A_FRAME = 0.1
# MB a pixel of a frame; disk.json, which holds the predictions of three models.
PUBLISHED_MB, KEPT_MB, PREDICTIONS_MB, PEAK_MB = (mb / (640 * 360) for mb in (0.731, 0.218, 0.178 / 3, 1.536))
THREADS_OF_A_JOB = 4
# So many headers are read at most: enough for a mean, and a large corpus starts without a pause.
MOST_HEADERS = 200


@dataclass(frozen=True)
class Film:
    """What the header of a video says; zeros where it cannot be read."""

    n_frames: int = 0
    minutes: float = 0.0
    pixels: int = 0


@dataclass(frozen=True)
class Estimate:
    """What some videos take together."""

    n_frames: int
    minutes: float
    seconds: float
    megabytes: float


def film_of(path: Path) -> Film:
    """Reads the header alone."""
    from sfm_gt.video.decode import VideoReader

    # What is no video is refused by the stage ingest, with a reason.
    with suppress(Rejected, OSError), closing(VideoReader(path)) as reader:
        stream, duration_us = reader.stream, reader.container.duration or 0
        own = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        seconds = own or duration_us / 1e6
        n_frames = stream.frames or round(seconds * float(stream.average_rate or 0))
        return Film(n_frames, seconds / 60, stream.codec_context.width * stream.codec_context.height)
    return Film()


def films_of(paths: Sequence[Path]) -> list[Film]:
    """One for each of ``paths``; of many videos some stand for all."""
    step = ceil(len(paths) / MOST_HEADERS) or 1
    read = [film_of(path) for path in paths[::step]]
    return [read[number // step] for number in range(len(paths))]


def estimate(config: Config, films: Iterable[Film], cores: int) -> Estimate:
    """For films of which every frame gives ground truth."""
    films = [film for film in films if film.n_frames]
    threads = min(cores, THREADS_OF_A_JOB)
    serial = [_serial_s(config, film) for film in films]
    parallel = [_parallel_s(config, film) for film in films]
    # Either one video keeps all others waiting, or all cores are at work to the end.
    longest = max((one + other / threads for one, other in zip(serial, parallel, strict=True)), default=0.0)
    models = MODEL_S_A_FRAME * len(config.models) * sum(_n_depth(config, film) for film in films)
    seconds = max(longest, (sum(serial) + sum(parallel)) / cores) + models / threads
    stays = PUBLISHED_MB + KEPT_MB + PREDICTIONS_MB * len(config.models)
    at_work = max((_megapixels(config, film) for film in films), default=0.0) * (PEAK_MB - PUBLISHED_MB - KEPT_MB)
    megabytes = stays * sum(_megapixels(config, film) for film in films) + max(at_work, 0.0)
    return Estimate(sum(f.n_frames for f in films), sum(f.minutes for f in films), seconds, megabytes)


def time_left(estimated_s: float, elapsed_s: float, done: float) -> float | None:
    """Seconds to go; None where the estimate has passed and nothing else is known.

    Args:
        done: share of the work that is done; the more, the less the estimate counts beside the pace so far.
    """
    if done <= 0:
        return estimated_s - elapsed_s if elapsed_s < estimated_s else None
    return (1 - done) * (elapsed_s + (1 - done) * estimated_s)


def _serial_s(config: Config, film: Film) -> float:
    n_clips = ceil(film.n_frames / config.clips.max_frames)
    return SFM_S_A_CLIP * n_clips + SFM_S_A_FRAME * film.n_frames


def _parallel_s(config: Config, film: Film) -> float:
    return (DENSE_S_A_PIXEL + OTHER_S_A_PIXEL) * _megapixels(config, film)


def _megapixels(config: Config, film: Film) -> float:
    return _n_depth(config, film) * _pixels(config, film)


def _n_depth(config: Config, film: Film) -> float:
    return film.n_frames / config.dense.frame_step


def _pixels(config: Config, film: Film) -> float:
    """Of a frame as it is worked on; of the shape 16:9, since the header knows nothing of rotation or borders."""
    long_side = (film.pixels * 16 / 9) ** 0.5
    return film.pixels * min(1.0, config.frames.max_long_side_px / long_side) ** 2 if film.pixels else 0.0
