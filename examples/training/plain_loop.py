"""A training loop on a finished run, in plain torch: python examples/training/plain_loop.py OUT

The network is a stand-in of three layers; put yours in its place.
"""

from __future__ import annotations

import sys

import torch
from torch.utils.data import DataLoader

from sfm_gt.datasets import TorchDataset
from sfm_gt.datasets.augmentation import Photometric, apply_geometry, drawn_geometry

EPOCHS, HEIGHT, WIDTH = 2, 192, 256
FRAME = (360, 480)  # the size to which frames of all videos are brought, before crops are drawn from them


def main() -> None:
    """Trains on every frame with the likelihood of a Laplace distribution whose width holds the ground truth's sigma."""
    torch.manual_seed(0)
    order, crops, colour = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0), Photometric()
    loader = DataLoader(
        TorchDataset(sys.argv[1], "all", FRAME), batch_size=4, shuffle=True, num_workers=2, generator=order
    )
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 7, padding=3), torch.nn.ReLU(), torch.nn.Conv2d(16, 1, 7, padding=3), torch.nn.Softplus()
    )
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for epoch in range(EPOCHS):
        for step, batch in enumerate(loader):
            batch = apply_geometry(batch, drawn_geometry(batch, crops), HEIGHT, WIDTH)
            batch = colour(batch, seed=1000 * epoch + step)
            usable = batch["valid"] & ~batch["moving"] & ~batch["overlay"]
            error = (network(batch["image"]) - batch["z_depth_m"]).abs()
            loss = (error / (0.05 * batch["z_depth_m"] + batch["sigma_m"]))[usable].mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            print(f"epoch {epoch}, step {step}: {loss.item():.3f}", flush=True)


if __name__ == "__main__":
    main()
