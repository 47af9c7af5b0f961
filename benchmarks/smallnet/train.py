"""Trains the small network on ray-cast rooms, measures it on held-out ones, and exports it to ONNX.

    python -m benchmarks.smallnet.train --cache smallnet-cache

Seeded and single-threaded, so the same machine and versions give the same weights.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from .cache import HEIGHT, HELD_OUT_SEED, TRAIN_SEED, WIDTH, load_samples
from .export import export_onnx
from .network import SmallNet
from .scoring import abs_rel_affine_disparity, abs_rel_constant, row_ramp

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parents[1] / "sfm_gt" / "models" / "weights" / "smallnet.onnx"


@dataclass(frozen=True)
class Options:
    """What decides the weights; written into results.json."""

    seed: int = 7
    scenes: int = 4000
    held_out_scenes: int = 200
    coarse_steps: int = 5000
    coarse_batch: int = 16
    fine_steps: int = 2000
    fine_batch: int = 8
    peak_rate: float = 3e-3
    weight_decay: float = 0.02


@dataclass(frozen=True)
class Stage:
    """One learning-rate cycle: batches of `batch` pictures of height x width."""

    steps: int
    batch: int
    height: int
    width: int
    rate: float


def augment(image: np.ndarray, depth_m: np.ndarray, rng: np.random.Generator, stage: Stage):
    """A random crop, maybe mirrored, recoloured: RGB float32 0..1 (h, w, 3), disparity (h / 4, w / 4) in 1/m.

    Cropping changes the focal length and leaves affine-invariant disparity as it is.
    """
    share = rng.uniform(0.75, 1.0)
    h, w = round(share * image.shape[0]), round(share * image.shape[1])
    top, left = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
    image, depth_m = image[top : top + h, left : left + w], depth_m[top : top + h, left : left + w]
    method = cv2.INTER_AREA if stage.height < h else cv2.INTER_LINEAR
    image = cv2.resize(image, (stage.width, stage.height), interpolation=method)
    # Nearest, since a mean over an edge is a depth where nothing is.
    small = (stage.width // 4, stage.height // 4)
    disparity = 1.0 / cv2.resize(depth_m.astype(np.float32), small, interpolation=cv2.INTER_NEAREST_EXACT)
    if rng.random() < 0.5:
        image, disparity = image[:, ::-1], disparity[:, ::-1]
    colour = image.astype(np.float32) / 255.0
    if rng.random() < 0.3:
        colour = colour[..., rng.permutation(3)]
    colour = np.clip(colour * rng.uniform(0.75, 1.25) + rng.uniform(-0.08, 0.08), 0.0, 1.0) ** rng.uniform(0.8, 1.25)
    return colour, disparity


def batch_of(images, depths, rng: np.random.Generator, stage: Stage) -> tuple[Tensor, Tensor]:
    """A random batch: images (B, 3, h, w), disparity in 1/m (B, h / 4, w / 4)."""
    pairs = [augment(images[k], depths[k], rng, stage) for k in rng.integers(0, len(images), stage.batch)]
    colours = np.stack([colour for colour, _ in pairs]).transpose(0, 3, 1, 2)
    disparities = np.stack([disparity for _, disparity in pairs])
    image = torch.from_numpy(np.ascontiguousarray(colours, dtype=np.float32)).to(memory_format=torch.channels_last)
    return image, torch.from_numpy(np.ascontiguousarray(disparities, dtype=np.float32))


def _standardised(maps: Tensor) -> Tensor:
    """(B, H, W) with each picture's median taken off and divided by its mean absolute deviation."""
    flat = maps.flatten(1)
    centred = flat - flat.median(dim=1, keepdim=True).values
    return (centred / centred.abs().mean(dim=1, keepdim=True).clamp_min(1e-4)).view_as(maps)


def _aligned(predicted: Tensor, target: Tensor) -> Tensor:
    """Least-squares scale and shift of each predicted map (B, H, W) to its target, differentiable."""
    p, d = predicted.flatten(1), target.flatten(1)
    p_mean, d_mean = p.mean(1, keepdim=True), d.mean(1, keepdim=True)
    variance = ((p - p_mean) ** 2).mean(1, keepdim=True).clamp_min(1e-6)
    scale = ((p - p_mean) * (d - d_mean)).mean(1, keepdim=True) / variance
    return (scale * (p - p_mean) + d_mean).view_as(predicted)


def _gradient_loss(difference: Tensor) -> Tensor:
    """Mean absolute first differences of (B, H, W) over three scales: edges lie where they lie (Li, Snavely 2018)."""
    total = torch.zeros(())
    for step in (1, 2, 4):
        coarse = difference[:, ::step, ::step]
        total = total + coarse.diff(dim=1).abs().mean() + coarse.diff(dim=2).abs().mean()
    return total


def loss_of(predicted: Tensor, target: Tensor) -> Tensor:
    """Affine-invariant loss of disparity maps (B, H, W): relative error after alignment, gradients, and the sign.

    The aligned error over the true disparity is to first order the relative error of depth, so far walls count as much
    as what is near, and pictures of one bare wall count little. A loss on standardised disparity alone (MiDaS, Ranftl
    et al. 2020) blows up just those; a touch of it stays, since least squares would accept a map of the wrong sign.
    """
    difference = _aligned(predicted, target) - target
    relative = (difference.abs() / target).clamp_max(2.0).mean()
    gradients = _gradient_loss(difference / target.mean(dim=(1, 2), keepdim=True))
    standardised = (_standardised(predicted) - _standardised(target)).abs().mean()
    return relative + 0.1 * gradients + 0.05 * standardised


def _run_stage(network: SmallNet, stage: Stage, images, depths, rng: np.random.Generator, weight_decay: float) -> None:
    """One cycle of the learning rate over one size of picture; updates the network in place."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=stage.rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, stage.rate, total_steps=stage.steps, pct_start=0.15)
    network.train()
    running, started = 0.0, time.perf_counter()
    for step in range(1, stage.steps + 1):
        image, target = batch_of(images, depths, rng, stage)
        loss = loss_of(network.quarter(image), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 0:
            elapsed = time.perf_counter() - started
            print(f"{stage.height}x{stage.width} {step}/{stage.steps} loss {running:.3f} {elapsed:.0f} s", flush=True)


def fit(images, depths, held_out, options: Options) -> SmallNet:
    """Trains at half resolution first, where a picture costs a quarter, then at full; prints AbsRel after each."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = SmallNet().to(memory_format=torch.channels_last)
    stages = (
        Stage(options.coarse_steps, options.coarse_batch, HEIGHT // 2, WIDTH // 2, options.peak_rate),
        Stage(options.fine_steps, options.fine_batch, HEIGHT, WIDTH, options.peak_rate / 2),
    )
    for stage in stages:
        _run_stage(network, stage, images, depths, rng, options.weight_decay)
        print("held-out AbsRel", mean_abs_rel(predict(network.eval(), held_out[0]), held_out[1]), flush=True)
    return network


@torch.no_grad()
def predict(network: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """Disparity (N, H, W) of 8-bit RGB pictures (N, H, W, 3)."""
    maps = []
    for image in images:
        batch = torch.from_numpy(image.astype(np.float32) / 255.0).permute(2, 0, 1)[None]
        maps.append(network(batch)[0].numpy())
    return np.stack(maps)


def mean_abs_rel(disparities, depths) -> float:
    """Mean over pictures of AbsRel after affine alignment in disparity; both (N, H, W), depths in metres."""
    return float(np.mean([abs_rel_affine_disparity(p, g) for p, g in zip(disparities, depths, strict=True)]))


def measure(network: SmallNet, options: Options, images, depths) -> dict[str, float]:
    """Mean AbsRel over held-out scenes of the network and of what it must beat."""
    torch.manual_seed(options.seed + 1)
    untrained = SmallNet().eval()
    return {
        "trained": mean_abs_rel(predict(network, images), depths),
        "untrained": mean_abs_rel(predict(untrained, images), depths),
        "row_ramp": mean_abs_rel([row_ramp(HEIGHT, WIDTH)] * len(depths), depths),
        "constant_median": float(np.mean([abs_rel_constant(g) for g in depths])),
    }


def main() -> None:
    """Trains, measures, exports."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for rendered samples (1.5 GB)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    for name, value in asdict(Options()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    args = parser.parse_args()
    options = Options(**{name: getattr(args, name) for name in asdict(Options())})
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, depths = load_samples(args.cache, TRAIN_SEED, options.scenes, workers=args.workers)
    held_images, held_depths = load_samples(args.cache, HELD_OUT_SEED, options.held_out_scenes, workers=args.workers)
    held_out = (held_images, held_depths.astype(np.float32))
    started = time.perf_counter()
    network = fit(images, depths, held_out, options)
    seconds = time.perf_counter() - started
    difference = export_onnx(network, args.weights, held_out[0][:4])
    results = {
        "abs_rel": measure(network, options, *held_out),
        "parameters": sum(p.numel() for p in network.parameters()),
        "onnx_bytes": args.weights.stat().st_size,
        "onnx_against_torch_max_relative_difference": difference,
        "training_seconds": round(seconds),
        "options": asdict(options),
    }
    args.results.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
