"""A small reference trainer on our data sets: ground truth weighted by sigma, and a teacher for frames without labels.

    python -m benchmarks.training.train TRAIN_OUT... --held-out HELD_OUT [--seeds 3] [--steps 400] [--save]

Of the frames in TRAIN_OUT (output folders of runs) every second one is used without its labels: a teacher, the running
mean of the student, answers on the clean picture, and the student learns that answer on a strongly perturbed one (Depth
Anything, Yang et al. 2024; mean teacher, Tarvainen & Valpola 2017). HELD_OUT is never trained on. Figures are AbsRel after the
alignment of each row, beside the network's own initial state and the constant. --save writes
benchmarks/results/training.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.smallnet.network import SmallNet
from benchmarks.training.losses import affine_invariant, gradient_matching, weight_of
from sfm_gt.datasets import TorchDataset
from sfm_gt.datasets.augmentation import Photometric, apply_geometry, drawn_geometry, strong_pair
from sfm_gt.datasets.items import Item
from sfm_gt.metrics.alignment import DepthRange, fit
from sfm_gt.metrics.depth import scores

RESULT = Path(__file__).resolve().parents[1] / "results" / "training.json"
HEIGHT, WIDTH = 96, 128
DEPTH_RANGE = DepthRange(0.001, 80.0, 1 / 80.0)  # of the workflow's own evaluation
KEYS = ("image", "z_depth_m", "sigma_m", "valid", "intrinsics", "cam_from_world")


@dataclass(frozen=True)
class Options:
    """What decides the weights beside the seed and the data."""

    steps: int = 400
    batch: int = 8
    rate: float = 2e-3
    weight_decay: float = 0.02
    gradient_share: float = 0.5
    unlabelled_share: float = 0.5
    teacher_from: int = 150  # steps: before, the teacher knows nothing
    teacher_decay: float = 0.98
    measure_every: int = 50


def load(folders: Sequence[Path]) -> Item:
    """All frames of some data sets as one batch, see :func:`gathered`."""
    datasets = (TorchDataset(folder, "all") for folder in folders)
    return gathered(dataset[number] for dataset in datasets for number in range(len(dataset)))


def gathered(items: Iterable[Item]) -> Item:
    """Frames as one batch, shrunk to a height of 1.5 HEIGHT: crops of them are what is trained on.

    Args:
        items: with the KEYS of ``sfm_gt/datasets/items.py``; what moves and overlays are left out where the item says them.
    """
    rows, columns = HEIGHT * 3 // 2, WIDTH * 3 // 2
    found: dict[str, list[Tensor]] = {key: [] for key in KEYS}
    for item in items:
        one = {key: item[key][None] for key in KEYS}
        for mask in ("moving", "overlay"):
            if mask in item:
                one["valid"] = one["valid"] & ~item[mask][None]
        one["image"] = functional.interpolate(one["image"], (rows, columns), mode="area")
        for key in ("z_depth_m", "sigma_m", "valid"):
            one[key] = functional.interpolate(one[key].float(), (rows, columns), mode="nearest-exact")
        one["intrinsics"] = one["intrinsics"] * _resize(item["image"].shape, rows, columns)
        for key in KEYS:
            found[key].append(one[key])
    return {key: torch.cat(values) for key, values in found.items()} | {"valid": torch.cat(found["valid"]) > 0}


def _resize(shape: Sequence[int], rows: int, columns: int) -> Tensor:
    scale = torch.ones(3, 3, dtype=torch.float64)
    scale[0], scale[1] = columns / shape[2], rows / shape[1]
    return scale


def drawn(frames: Item, numbers: Tensor, generator: torch.Generator, options: Options, colour: Photometric) -> Item:
    """An augmented batch of some frames, in the size of the network."""
    picked = numbers[torch.randint(len(numbers), (options.batch,), generator=generator)]
    batch = {key: values[picked] for key, values in frames.items()}
    batch = apply_geometry(batch, drawn_geometry(batch, generator, aspect=WIDTH / HEIGHT), HEIGHT, WIDTH)
    return colour(batch, int(torch.randint(2**31, (), generator=generator)))


def labelled_loss(network: SmallNet, batch: Item, options: Options) -> Tensor:
    """Affine-invariant loss and gradient matching of disparity against ground truth, weighted by sigma."""
    depth, sigma, valid = (_quarter(batch[key].float()) for key in ("z_depth_m", "sigma_m", "valid"))
    weight = weight_of(depth, sigma, valid * (depth > 0))
    target = torch.where(depth > 0, 1 / depth.clamp_min(1e-3), torch.zeros_like(depth))
    predicted = network.quarter(batch["image"])
    gradients = gradient_matching(predicted, target, weight)
    return affine_invariant(predicted, target, weight) + options.gradient_share * gradients


def unlabelled_loss(network: SmallNet, teacher: SmallNet, batch: Item, seed: int) -> Tensor:
    """The student on perturbed pictures against the teacher on clean ones, mixed alike."""
    perturbed, source, inside = strong_pair(batch["image"], seed)
    with torch.no_grad():
        answer = teacher.quarter(batch["image"])
    pasted = _quarter(inside.float())
    predicted = network.quarter(perturbed)
    # Each region is one picture with a scale and shift of its own.
    return 0.5 * (
        affine_invariant(predicted, answer, 1 - pasted)
        + (affine_invariant(predicted, answer[source], pasted) if pasted.any() else 0.0)
    )


def _quarter(maps: Tensor) -> Tensor:
    """(B, 1, H, W) to (B, H / 4, W / 4), the network's own size."""
    return functional.interpolate(maps, scale_factor=0.25, mode="nearest-exact").squeeze(1)


def train(frames: Item, held_out: Item, seed: int, options: Options) -> dict[str, Any]:
    """Trains one network; its curve on the held-out frames and the seconds it took."""
    torch.manual_seed(seed)
    generator, colour = torch.Generator().manual_seed(seed), Photometric()
    network = SmallNet()
    teacher = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=options.steps, pct_start=0.15)
    numbers = torch.arange(len(frames["image"]))
    labelled, unlabelled = numbers[::2], numbers[1::2]
    curve, started = [[0, abs_rel(network, held_out)]], time.process_time()
    for step in range(1, options.steps + 1):
        network.train()
        loss = labelled_loss(network, drawn(frames, labelled, generator, options, colour), options)
        if step > options.teacher_from:
            batch = drawn(frames, unlabelled, generator, options, colour)
            loss = loss + options.unlabelled_share * unlabelled_loss(
                network, teacher.eval(), batch, seed * 10**6 + step
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        _follow(teacher, network, options.teacher_decay)
        if step % options.measure_every == 0:
            curve.append([step, abs_rel(network, held_out)])
            print(f"seed {seed}, step {step}: loss {loss.item():.3f}, held-out AbsRel {curve[-1][1]:.4f}", flush=True)
    return {"seed": seed, "curve": curve, "cpu_seconds": round(time.process_time() - started)}


def _follow(teacher: SmallNet, network: SmallNet, decay: float) -> None:
    """Moves the teacher towards the student; counts and statistics of its normalisation are taken over."""
    for kept, new in zip(teacher.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


@torch.no_grad()
def abs_rel(network: SmallNet, frames: Item) -> float:
    """Mean AbsRel over frames after least squares of disparity, a scale and a shift an image."""
    network.eval()
    small = functional.interpolate(frames["image"], (HEIGHT, WIDTH), mode="bilinear", antialias=True)
    disparities = torch.cat([network.quarter(part) for part in small.split(8)])[:, None]
    shape = frames["z_depth_m"].shape[-2:]
    full = functional.interpolate(disparities, shape, mode="bilinear", align_corners=False)[:, 0].numpy()
    return _mean_abs_rel("ls_affine_disparity", list(full), frames)


def baselines(frames: Item) -> dict[str, float]:
    """AbsRel of one depth for the whole picture, under the median and under the network's own alignment."""
    flat = [np.ones(frames["z_depth_m"].shape[-2:], np.float32)] * len(frames["image"])
    alignments = {"constant_median": "median", "constant_affine_disparity": "ls_affine_disparity"}
    return {name: _mean_abs_rel(alignment, flat, frames) for name, alignment in alignments.items()}


def _mean_abs_rel(alignment: str, values: Sequence[np.ndarray], frames: Item) -> float:
    found = []
    for predicted, depth, valid in zip(values, frames["z_depth_m"], frames["valid"], strict=True):
        truth, known = depth[0].numpy(), valid[0].numpy()
        affine = fit(alignment, predicted, truth, known)
        found.append(scores(predicted, truth, known, affine, DEPTH_RANGE)["abs_rel"])
    return float(np.mean(found))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path, nargs="+", help="output folders of runs")
    parser.add_argument("--held-out", type=Path, required=True, help="output folder of a run on other videos")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=Options.steps)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/training.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = Options(steps=arguments.steps)
    frames, held_out = load(arguments.train), load([arguments.held_out])
    runs = [train(frames, held_out, seed, options) for seed in range(arguments.seeds)]
    ends, starts = (np.array([run["curve"][at][1] for run in runs]) for at in (-1, 0))
    found = {
        "training_frames": len(frames["image"]), "held_out_frames": len(held_out["image"]), "options": asdict(options),
        "size": [HEIGHT, WIDTH], "held_out_abs_rel": {
            "initial": [round(float(value), 4) for value in (starts.mean(), starts.std(ddof=1))],
            "trained": [round(float(value), 4) for value in (ends.mean(), ends.std(ddof=1))],
            **{name: round(value, 4) for name, value in baselines(held_out).items()},
        },
        "runs": runs, "machine": platform.processor() or platform.machine(),
    }  # fmt: skip
    print(json.dumps(found["held_out_abs_rel"]))
    if arguments.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
