"""The dense kernels in torch, for machines with a GPU: same names, arguments and meaning as the numba ones.

A package of its own because the registry imports every module next to the methods, and torch takes seconds to load.
"""

from sfm_gt.dense.matching.torch_kernels.kernels import TorchKernels

__all__ = ["TorchKernels"]
