"""Runs the peer on views stored by peer.py. Executed by the peer's own interpreter: numpy and ppg_core are all it has.

    PEER_PYTHON peer_driver.py VIEWS.npz OUT.npz SEED

The peer's settings are its own defaults.
"""

import sys
import time

import numpy as np
import ppg_core


def main() -> None:
    """Reads images (n, h, w) uint8, matrix, poses (n, 4, 4), depth_range; writes depth, cost and CPU seconds."""
    source, target, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with np.load(source) as content:
        images, matrix, poses = content["images"].astype(np.float32) / 255.0, content["matrix"], content["poses"]
        depth_range = tuple(content["depth_range"].tolist())
    # The peer counts pixels from the centre of the first one.
    camera = (matrix[0, 0], matrix[1, 1], matrix[0, 2] - 0.5, matrix[1, 2] - 0.5)
    sources = []
    for image, pose in zip(images[1:], poses[1:], strict=True):
        relative = pose @ np.linalg.inv(poses[0])
        sources.append((image, camera, relative[:3, :3].copy(), relative[:3, 3].copy()))
    start = time.process_time()
    depth, _, cost = ppg_core.patchmatch_depth(images[0], camera, sources, depth_range, seed=seed)
    seconds = time.process_time() - start
    np.savez(target, depth=depth, cost=cost, cpu_seconds=seconds)


if __name__ == "__main__":
    main()
