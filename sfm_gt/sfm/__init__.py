"""structure from motion with pycolmap: features and pairs, mapping, registration of in-between frames, verdicts."""

# Loaded before pycolmap, whose own copy of zlib otherwise makes cv2.imwrite abort on PNG files.
import cv2  # noqa: F401
