"""How the process handles memory that it no longer uses."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of mallopt(3)."""
_LARGEST_ARRAY = 32 << 20
_KEPT = 256 << 20


def keep_freed_memory() -> None:
    """Lets arrays of the size of an image reuse memory that earlier ones left, as far as the C library can.

    glibc hands it back to the system after each array and has it zeroed again for the next, which took a quarter of the time of
    grading. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_ARRAY)
        mallopt(_TRIM_THRESHOLD, _KEPT)
