"""What published evaluation code computes, written anew in plain NumPy from a reading of it, for nothing but comparison.

Each function takes clips, lists of pairs (prediction, GT) of float32 maps with GT NaN where there is none, and the ends of the
range, and gives what the code would print for the data set: its own figures under our names. A fit that stops with an error
gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

Clip = list[tuple[np.ndarray, np.ndarray]]
Figures = dict[str, float]
Code = Callable[[Sequence[Clip], float, float], Figures]


def zoedepth(clips, lowest, highest) -> Figures:
    """ZoeDepth and Depth Anything v1: compute_metrics of zoedepth/utils/misc.py; mean over images."""
    found = []
    for p, g in _frames(clips):
        p = p.copy()
        p[p < lowest] = lowest
        p[p > highest] = highest
        p[np.isinf(p)] = highest
        p[np.isnan(p)] = lowest
        valid = (g > lowest) & (g < highest)
        found.append(_errors(p[valid], g[valid]) | {"silog": _silog(p[valid], g[valid])})
    return _mean(found)


def depth_anything_v2(clips, lowest, highest) -> Figures:
    """metric_depth/train.py and util/metric.py: nothing is done to predictions; mean over images."""
    found = []
    for p, g in _frames(clips):
        valid = (g >= lowest) & (g <= highest)
        if valid.sum() >= 10:
            difference = _log(p[valid]) - _log(g[valid])
            silog = np.sqrt(np.mean(difference**2) - 0.5 * np.mean(difference) ** 2)
            found.append(_errors(p[valid], g[valid]) | {"silog_loss": silog})
    return _mean(found)


def marigold_depth(clips, lowest, highest) -> Figures:
    """script/depth/eval.py, least_square."""
    found = []
    for p, g in _frames(clips):
        valid = (g > lowest) & (g < highest)
        scale, shift = _least_squares(p[valid], g[valid])
        found.append(_marigold(scale * p + shift, g, valid, lowest, highest))
    return _mean(found)


def marigold_disparity(clips, lowest, highest) -> Figures:
    """script/depth/eval.py, least_square_disparity."""
    found = []
    for p, g in _frames(clips):
        valid = (g > lowest) & (g < highest)
        fitted = valid & (p > 0)
        scale, shift = _least_squares(p[fitted], 1 / g[fitted])
        found.append(_marigold(1 / np.clip(scale * p + shift, 1e-3, None), g, valid, lowest, highest))
    return _mean(found)


def midas(clips, lowest, highest) -> Figures:
    """BadPixelMetric of MiDaS and DPT, for all pixels below the cap; its only figures are of bad pixels."""
    found = []
    for p, g in _frames(clips):
        valid = (g > lowest) & (g < highest)
        scale, shift = _normal_equations(p[valid], 1 / g[valid])
        disparity = scale * p[valid] + shift
        depth = 1 / np.where(disparity < 1 / highest, 1 / highest, disparity)
        ratio = np.maximum(depth / g[valid], g[valid] / depth)
        found.append({f"delta{k}": 1 - np.mean(ratio > 1.25**k) for k in (1, 2, 3)})
    return _mean(found)


def moge_metric(clips, lowest, highest) -> Figures:
    """moge/test/metrics.py, depth_metric."""
    return _mean([_moge(p, g, (g >= lowest) & (g <= highest)) for p, g in _frames(clips)])


def moge_scale(clips, lowest, highest) -> Figures:
    """moge/test/metrics.py, depth_scale_invariant, fitted on all pixels."""
    found = []
    for p, g in _frames(clips):
        valid = (g >= lowest) & (g <= highest)
        found.append(_moge(p * _l1_scale(p[valid], g[valid], 1 / g[valid]), g, valid))
    return _mean(found)


def moge_affine(clips, lowest, highest) -> Figures:
    """moge/test/metrics.py, depth_affine_invariant, fitted on all pixels: the best line through every pixel, then the best."""
    found = []
    for p, g in _frames(clips):
        valid = (g >= lowest) & (g <= highest)
        x, y = p[valid].astype(np.float64), g[valid].astype(np.float64)
        best = (np.inf, np.nan, np.nan)
        for i in range(x.size):
            scale = _l1_scale(x - x[i], y - y[i], 1 / y)
            shift = y[i] - scale * x[i]
            best = min(best, (np.sum(np.abs(scale * x + shift - y) / y), scale, shift))
        found.append(_moge(p.astype(np.float64) * best[1] + best[2], g, valid))
    return _mean(found)


def moge_disparity(clips, lowest, highest) -> Figures:
    """moge/test/metrics.py, disparity_affine_invariant, and the boundary F1 of its map."""
    found = []
    for p, g in _frames(clips):
        valid = (g >= lowest) & (g <= highest)
        scale, shift = _least_squares(p[valid], 1 / g[valid])
        disparity = scale * p + shift
        found.append(_moge(1 / np.maximum(disparity, 1 / g[valid].max()), g, valid))
    return _mean(found)


def moge_boundary(clips, lowest, highest) -> Figures:
    """moge/test/metrics.py, boundary of a model of disparity."""
    found = []
    for p, g in _frames(clips):
        valid = (g >= lowest) & (g <= highest)
        scale, shift = _least_squares(p[valid], 1 / g[valid])
        depth = 1 / np.maximum(scale * p + shift, 1e-6)
        found.append({f"boundary_f1_r{r}": _boundary_f1(depth, g, valid, r) for r in (1, 2, 3)})
    return _mean(found)


def video_depth_anything(clips, lowest, highest) -> Figures:
    """benchmark/eval/eval.py: one fit a clip; mean over frames, then over clips."""
    found = []
    for clip in clips:
        p, g = (np.stack(maps) for maps in zip(*clip, strict=True))
        depth, valid = _video_depth(p, g, lowest, highest)
        kept = [(d, t, v) for d, t, v in zip(depth, g, valid, strict=True) if v.any()]
        found.append(_mean([{name: _errors(d[v], t[v])[name] for name in ("abs_rel", "rmse", "delta1")}
                            for d, t, v in kept]))  # fmt: skip
    return _mean(found)


def video_depth_anything_tae(clips, lowest, highest, fx, steps) -> Figures:
    """benchmark/eval/eval_tae.py without masks, for cameras that move along x by ``steps`` from frame to frame."""
    found = []
    for clip in clips:
        p, g = (np.stack(maps) for maps in zip(*clip, strict=True))
        depth, _ = _video_depth(p, g, lowest, highest)
        errors = [error for one, other in pairwise(depth)
                  for error in (_carried(one, other, fx, steps), _carried(other, one, fx, -steps))]  # fmt: skip
        found.append({"tae_unmasked": 100 * np.mean(errors)})
    return _mean(found)


def megasam(clips, lowest, highest) -> Figures:
    """evaluations_depth/evaluate_depth_ours_sintel.py: one fit a scene, pixels pooled over it, mean over scenes."""
    found = []
    for clip in clips:
        p, g = (np.stack(maps).astype(np.float64) for maps in zip(*clip, strict=True))
        g = np.nan_to_num(g, nan=0.0, posinf=1e3, neginf=0.0)
        valid = (g < 100) & (g > np.float32(0.1))
        p, t = np.clip(p, 0.1, 100.0)[valid], np.clip(g, 0.1, 100.0)[valid]
        scale = np.median((t - np.median(t) + 1e-6) / (p - np.median(p) + 1e-6))
        depth = scale * p + np.median(t - scale * p)
        figures = _errors(depth, t)
        log = np.sqrt(np.mean((np.log(np.clip(depth, 1e-3, 1e6)) - np.log(t)) ** 2))
        found.append({name: figures[name] for name in ("abs_rel", "delta1", "delta2", "delta3")} | {"rmse_log": log})
    return _mean(found)


def _frames(clips: Sequence[Clip]) -> Clip:
    return [frame for clip in clips for frame in clip]


def _mean(found: Sequence[Figures]) -> Figures:
    return {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}


def _errors(p: np.ndarray, g: np.ndarray) -> Figures:
    p, g = p.astype(np.float64), g.astype(np.float64)
    with np.errstate(all="ignore"):
        ratio = np.maximum(g / p, p / g)
        difference = _log(p) - np.log(g)
        return {
            "abs_rel": np.mean(np.abs(p - g) / g), "sq_rel_eigen": np.mean((p - g) ** 2 / g),
            "rmse": np.sqrt(np.mean((p - g) ** 2)), "rmse_log": np.sqrt(np.mean(difference**2)),
            "log10": np.mean(np.abs(difference)) / np.log(10),
            **{f"delta{k}": np.mean(ratio < 1.25**k) for k in (1, 2, 3)},
        }  # fmt: skip


def _log(values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.log(values.astype(np.float64))


def _silog(p: np.ndarray, g: np.ndarray) -> float:
    difference = _log(p) - _log(g)
    return float(np.sqrt(np.mean(difference**2) - np.mean(difference) ** 2) * 100)


def _marigold(depth: np.ndarray, g: np.ndarray, valid: np.ndarray, lowest: float, highest: float) -> Figures:
    p, t = np.clip(np.clip(depth, lowest, highest), 1e-6, None)[valid], g[valid]
    irmse = np.sqrt(np.mean((1 / p.astype(np.float64) - 1 / t.astype(np.float64)) ** 2))
    return _errors(p, t) | {"silog": _silog(p, t), "irmse": irmse}


def _moge(depth: np.ndarray, g: np.ndarray, valid: np.ndarray) -> Figures:
    p, t = depth[valid].astype(np.float64), g[valid].astype(np.float64)
    with np.errstate(all="ignore"):
        return {"abs_rel": np.mean(np.abs(p - t) / (t + 1e-6)), "delta1": np.mean(np.maximum(t / p, p / t) < 1.25)}


def _least_squares(p: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    design = np.stack([p, np.ones_like(p)], axis=1).astype(np.float64)
    if not np.isfinite(design).all():
        return np.nan, np.nan  # numpy.linalg.lstsq raises LinAlgError
    scale, shift = np.linalg.lstsq(design, target.astype(np.float64), rcond=None)[0]
    return float(scale), float(shift)


def _normal_equations(p: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    p, target = p.astype(np.float64), target.astype(np.float64)
    square, total, n = np.sum(p * p), np.sum(p), p.size
    determinant = square * n - total * total
    cross, sum_target = np.sum(p * target), np.sum(target)
    return (n * cross - total * sum_target) / determinant, (square * sum_target - total * cross) / determinant


def _l1_scale(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """argmin_a sum w |a x - y|: the quotient at which the derivative changes its sign."""
    x, y, weights = (values.astype(np.float64) for values in (x, y, weights))
    x, y = np.abs(x), y * np.sign(x)
    order = np.argsort(y / np.maximum(x, 1e-7), kind="stable")
    slope = 2 * np.cumsum((x * weights)[order]) - np.sum(x * weights)
    best = order[min(np.searchsorted(slope, 0.0), x.size - 1)]
    return float(y[best] / np.maximum(x[best], 1e-7))


def _video_depth(p: np.ndarray, g: np.ndarray, lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    valid = (g > lowest) & (g < highest)
    p = np.clip(p.astype(np.float64), 1e-3, None)
    scale, shift = _least_squares(p[valid], 1 / (g[valid].astype(np.float64) + 1e-8))
    return np.clip(1 / np.clip(scale * p + shift, 1e-3, None), 1e-3, highest), valid


def _carried(source: np.ndarray, target: np.ndarray, fx: float, step: float) -> float:
    """The camera moves by ``step`` along x, so what is seen moves by -fx step / z."""
    if np.isnan(source).any():
        return np.nan  # the fit before stopped with an error
    rows, columns = np.indices(source.shape)
    landed = np.round(columns - fx * step / source).astype(np.int64)
    inside = (landed >= 0) & (landed < source.shape[1])
    projected = np.zeros_like(source)
    projected[rows[inside], landed[inside]] = source[inside]
    seen = (projected > 0) & (target > 0)
    return float(np.mean(np.abs(target[seen] - projected[seen]) / target[seen])) if seen.any() else 0.0


def _boundary_f1(depth: np.ndarray, g: np.ndarray, valid: np.ndarray, radius: int) -> float:
    height, width = g.shape
    centre = (slice(radius, height - radius), slice(radius, width - radius))
    thresholds, scores = np.linspace(0.05, 0.25, 10), []
    for threshold in thresholds:
        both, of_prediction, of_gt = 0, 0, 0
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if dx * dx + dy * dy > radius * radius:
                    continue
                beside = (slice(radius + dy, height - radius + dy), slice(radius + dx, width - radius + dx))
                counts = valid[centre] & valid[beside]
                with np.errstate(invalid="ignore"):
                    predicted = counts & (depth[beside] / depth[centre] > 1 + threshold)
                    true = counts & (g[beside] / g[centre] > 1 + threshold)
                both, of_prediction, of_gt = (
                    both + (predicted & true).sum(),
                    of_prediction + predicted.sum(),
                    of_gt + true.sum(),
                )
        one, other = both / max(of_gt, 1e-12), both / max(of_prediction, 1e-12)
        scores.append(2 * one * other / max(one + other, 1e-12))
    return float(np.sum(thresholds * scores) / np.sum(thresholds))
