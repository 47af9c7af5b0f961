"""How often intervals hold the truth, and how often equal models are called different, on simulated videos.

    python -m benchmarks.accuracy.coverage [--save]

Every family is a distribution of videos whose mean is known. --save writes benchmarks/results/coverage.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from sfm_gt.metrics.bootstrap import Scale, draw_videos, interval
from sfm_gt.metrics.comparison import Comparison
from sfm_gt.metrics.protocol import load_protocol
from sfm_gt.metrics.tally import FIGURES

RESULT = Path(__file__).resolve().parents[1] / "results" / "coverage.json"
N_VIDEOS = (3, 4, 5, 6, 7, 10, 20, 30, 100)
N_TRIALS, N_RUNS = 1000, 400
PROMISED = 0.93

Videos = tuple[np.ndarray, np.ndarray]
"""Numerators and denominators (trials, videos)."""


@dataclass(frozen=True)
class Family:
    """Videos of a distribution whose quotient of expectations is ``truth``."""

    name: str
    scale: Scale
    truth: float
    draw: Callable[[np.random.Generator, tuple[int, int]], Videos]
    promised: bool = True


def _plain(draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]) -> Callable[..., Videos]:
    """Videos that weigh the same."""

    def videos(rng: np.random.Generator, shape: tuple[int, int]) -> Videos:
        return draw(rng, shape), np.ones(shape)

    return videos


def _lognormal(sigma: float) -> Callable[..., np.ndarray]:
    return lambda rng, shape: 0.1 * np.exp(rng.normal(-(sigma**2) / 2, sigma, shape))


def _by_length(direction: float) -> Callable[..., Videos]:
    """Frames of a video and their error, whose logarithms have standard deviations 0.86 and 0.58 and correlate by 0.70."""

    def videos(rng: np.random.Generator, shape: tuple[int, int]) -> Videos:
        shared, length, error = rng.normal(size=(3, *shape))
        frames = np.exp(0.7 * shared + 0.5 * length)
        return frames * 0.1 * np.exp(direction * 0.5 * shared + 0.3 * error), frames

    return videos


def _truth_by_length(direction: float) -> float:
    both = (0.7 + direction * 0.5) ** 2 + 0.5**2 + 0.3**2
    return 0.1 * float(np.exp((both - 0.7**2 - 0.5**2) / 2))


FAMILIES = (
    Family("normal", "error", 0.1, _plain(lambda rng, shape: rng.normal(0.1, 0.02, shape))),
    Family("gamma of shape 6", "error", 0.1, _plain(lambda rng, shape: rng.gamma(6, 0.1 / 6, shape))),
    Family("exponential", "error", 0.1, _plain(lambda rng, shape: rng.exponential(0.1, shape))),
    Family("lognormal, σ 0.5", "error", 0.1, _plain(_lognormal(0.5))),
    Family("lognormal, σ 1", "error", 0.1, _plain(_lognormal(1.0))),
    Family("mean over images, long videos are hard", "error", _truth_by_length(1.0), _by_length(1.0)),
    Family("mean over images, long videos are easy", "error", _truth_by_length(-1.0), _by_length(-1.0)),
    Family("share, beta(4, 0.6)", "share", 4 / 4.6, _plain(lambda rng, shape: rng.beta(4, 0.6, shape))),
    Family("share, beta(30, 1)", "share", 30 / 31, _plain(lambda rng, shape: rng.beta(30, 1, shape))),
    Family("difference, Student's t of 3", "difference", 0.0, _plain(lambda rng, shape: rng.standard_t(3, shape))),
    Family("difference, lognormal, σ 0.7", "difference", 0.1, _plain(_lognormal(0.7))),
    Family("one video of ten is five times as hard", "error", 0.14,
           _plain(lambda rng, shape: np.where(rng.random(shape) < 0.1, 0.5, 0.1)), promised=False),
)  # fmt: skip
"""The last is none that can be promised: with ten videos a third of the samples hold no hard one."""


def coverage(family: Family, n_videos: int, n_trials: int) -> tuple[float, float]:
    """Shares of intervals that hold the truth: ours, where one is given, and plain Student's t of 95 %."""
    rng = np.random.default_rng(n_videos)
    numerators, denominators = family.draw(rng, (n_trials, n_videos))
    draws, reach, held, held_by_t = draw_videos(n_videos, 0), stats.t.ppf(0.975, n_videos - 1), 0, 0
    given = 0
    for a, b in zip(numerators, denominators, strict=True):
        found = interval(a, b, draws, family.scale)
        given += found.known
        held += found.low <= family.truth <= found.high
        residual = a - found.value * b
        error = np.sqrt(residual @ residual * n_videos / (n_videos - 1)) / b.sum()
        held_by_t += abs(found.value - family.truth) <= reach * error
    return round(held / given, 4), float(held_by_t / n_trials)


def resolved_pairs(n_models: int, n_videos: int, better: float, n_runs: int) -> float:
    """Share of runs that resolve a pair: any, where all are equal, else one of the first model, which is ``better``."""
    protocol = load_protocol("sfm_gt").completed(1e-3, 80.0, 1)
    models, runs = [f"m{n}" for n in range(n_models)], 0
    for run in range(n_runs):
        rng = np.random.default_rng(run)
        comparison = Comparison(run)
        difficulty = 0.1 * np.exp(rng.normal(0, 0.5, n_videos))
        for video in range(n_videos):
            errors = difficulty[video] * np.exp(rng.normal(0, 0.1, n_models))
            errors[0] *= 1 - better
            scored = {model: _figures(error) for model, error in zip(models, errors, strict=True)}
            comparison.add(protocol, f"v{video}", models, scored, dict.fromkeys(models, 1.0))
        found = [one for one in comparison.differences() if one.verdict == "resolved"]
        runs += any(not better or "m0" in (one.model, one.other) for one in found)
    return runs / n_runs


def _figures(abs_rel: float) -> np.ndarray:
    figures = np.full(len(FIGURES), np.nan)
    figures[FIGURES.index("abs_rel")], figures[FIGURES.index("delta1")] = abs_rel, 1 - 2 * abs_rel
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/coverage.json")
    save = parser.parse_args().save
    rows = []
    for family in FAMILIES:
        both = [coverage(family, n, N_TRIALS) for n in N_VIDEOS]
        rows.append({"family": family.name, "promised": family.promised, "ours": [one for one, _ in both],
                     "student": [other for _, other in both]})  # fmt: skip
        print(rows[-1])
    ranks = {
        f"{n_models}": {
            "equal": resolved_pairs(n_models, 10, 0.0, N_RUNS),
            "better": resolved_pairs(n_models, 10, 0.2, N_RUNS),
        }
        for n_models in (2, 5, 10)
    }
    print(ranks)
    if save:
        content = {
            "videos": N_VIDEOS,
            "trials": N_TRIALS,
            "promised": PROMISED,
            "rows": rows,
            "runs": N_RUNS,
            "models": ranks,
        }
        RESULT.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
