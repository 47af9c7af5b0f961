"""L2: structure from motion with pycolmap: features and pairs, mapping, registration of in-between frames, verdicts."""

import pycolmap

# COLMAP reports every image and every step; a job's log is for what went wrong.
pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value
