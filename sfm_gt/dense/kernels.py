"""The numba kernels under one name, so that a round can run on others of the same signatures."""

from sfm_gt.dense.consistency import agree
from sfm_gt.dense.propagate import all_view_costs, propagate
from sfm_gt.dense.refine import refine

__all__ = ["agree", "all_view_costs", "propagate", "refine"]
