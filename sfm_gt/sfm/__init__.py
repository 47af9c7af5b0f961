"""L2: structure from motion with pycolmap: features and pairs, mapping, registration of in-between frames, verdicts."""
