"""The numba kernels under one name, so that a round can run on others of the same signatures."""

from sfm_gt.dense.matching.consistency import check_consistency
from sfm_gt.dense.matching.propagate import all_view_costs, propagate
from sfm_gt.dense.matching.refine import refine

__all__ = ["all_view_costs", "check_consistency", "propagate", "refine"]
