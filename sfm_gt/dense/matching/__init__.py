"""Matching of slanted patches between views: numba kernels and what drives them."""
