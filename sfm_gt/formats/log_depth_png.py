"""MoGe's depth files: 16-bit PNG, logarithmic between the text fields ``near`` and ``far``; 0 = unknown, 65535 = infinite.

Source: ``write_depth`` and ``read_depth`` in moge/utils/io.py of microsoft/MoGe.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, PngImagePlugin

from sfm_gt.errors import InputError

LAST_STEP = 65533
# far >= near * this, so that the logarithm of their ratio is never 0.
MIN_RATIO = 1.1


def write_log_depth(path: Path, z_depth: Float[np.ndarray, "h w"]) -> None:
    """Writes a depth map, NaN = unknown; a step is ``log(far / near) / 65533`` of relative depth."""
    known = np.isfinite(z_depth)
    near = float(z_depth[known].min(initial=np.inf)) if known.any() else 1.0
    far = max(near * MIN_RATIO, float(z_depth[known].max(initial=0.0)))
    share = np.log(np.where(known, z_depth, near) / near) / np.log(far / near)
    steps = np.where(known, 1 + np.rint(np.clip(share, 0, 1) * LAST_STEP), 0).astype(np.uint16)
    fields = PngImagePlugin.PngInfo()
    fields.add_text("near", repr(near))
    fields.add_text("far", repr(far))
    Image.fromarray(steps).save(path, pnginfo=fields)


def read_log_depth(path: Path) -> Float[np.ndarray, "h w"]:
    """Reads a depth map, NaN = unknown. Raises InputError when ``near`` and ``far`` are missing or the file is broken."""
    try:
        with Image.open(path) as image:
            steps, fields = np.asarray(image), image.info
        near, far = float(fields["near"]), float(fields["far"])
    except (OSError, KeyError, SyntaxError) as error:
        raise InputError(f"{path}: no depth file of MoGe ({error}); needed a 16-bit PNG with near and far") from None
    share = (steps.astype(np.float64) - 1) / LAST_STEP
    depth = near ** (1 - share) * far**share
    return np.where(steps == 0, np.nan, np.where(steps == 65535, np.inf, depth)).astype(np.float32)
