"""Rendered samples on disk, so that training does not wait for the ray-caster."""

import argparse
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .scenes import random_sample

HEIGHT, WIDTH = 192, 256
# Seeds of the two sets; samples are a function of (seed, index), so no held-out scene is ever trained on.
TRAIN_SEED, HELD_OUT_SEED = 20240, 90210


def _part_path(folder: Path, seed: int, first: int) -> Path:
    return folder / f"{seed}-{HEIGHT}x{WIDTH}-{first:06d}.npz"


def _render_part(folder: Path, seed: int, first: int, count: int) -> None:
    path = _part_path(folder, seed, first)
    if path.exists():
        return
    images = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    depths = np.empty((count, HEIGHT, WIDTH), np.float32)
    for k in range(count):
        images[k], depths[k] = random_sample(seed, first + k, HEIGHT, WIDTH)
    # float16 holds 1-20 m to 5e-4 relative: far below what this network can tell.
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, images=images, depths=depths.astype(np.float16))
    partial.rename(path)


def load_samples(folder: Path, seed: int, count: int, part: int = 100, workers: int = 1):
    """Renders what is missing and loads samples 0..count-1 of `seed`; count is a multiple of `part`.

    Returns images uint8 (count, H, W, 3) RGB and planar z-depth in metres float16 (count, H, W).
    """
    if count % part:
        raise ValueError(f"count {count} is not a multiple of part {part}")
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, seed, first, part) for first in range(0, count, part)]
    with get_context("spawn").Pool(workers) as pool:
        pool.starmap(_render_part, jobs, chunksize=1)
    parts = [np.load(_part_path(folder, seed, first)) for _, _, first, _ in jobs]
    return np.concatenate([p["images"] for p in parts]), np.concatenate([p["depths"] for p in parts])


def main() -> None:
    """Fills the cache ahead of training."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    load_samples(args.cache, HELD_OUT_SEED, args.held_out, workers=args.workers)
    load_samples(args.cache, TRAIN_SEED, args.scenes, workers=args.workers)


if __name__ == "__main__":
    main()
