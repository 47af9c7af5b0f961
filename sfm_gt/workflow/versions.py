"""The version of each stage's output values. Whoever moves values raises the number; CHANGELOG says what moved.

They stand together, apart from the stages, so that the Snakefile reads them without importing what stages import.
"""

VERSIONS = {
    "ingest": 5,
    "clips": 6,
    "clip_list": 1,
    "frames": 10,
    "sfm": 19,
    "dense": 11,
    "moving": 2,
    "clean": 2,
    "scale": 4,
    "maps": 1,
    "dataset": 8,
    "index": 4,
    "predict": 4,
    "evaluate": 8,
    "report": 8,
    "summary": 3,
    "layers": 4,
    "pseudo_labels": 1,
    "publish": 3,
}
