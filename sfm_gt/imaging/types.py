"""What images are here."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

Frame = UInt8[np.ndarray, "h w"] | UInt8[np.ndarray, "h w 3"]
"""Grey or RGB."""
