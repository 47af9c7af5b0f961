"""A table of real models on a finished run: smallnet, two baselines, and PyDNet under every protocol.

    python benchmarks/accuracy/models.py OUT --to FOLDER [--data DATA] [--save]

OUT is the output folder of a run with depth; it is only read. FOLDER gets predictions, tables (``evaluation``) and the report
(``report/index.html``) in the layout of a run. DATA holds ``models/mobile_pydnet_pruned35.tflite`` (MIT); without it PyDNet is
left out, which is printed. --save writes benchmarks/results/models.json.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from sfm_gt.config import DEFAULT_MODELS, EvaluateConfig, ModelConfig, ReportConfig
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import evaluate, predict, report

RESULT = Path(__file__).resolve().parents[1] / "results" / "models.json"
PYDNET = "mobile_pydnet_pruned35.tflite"
DESCRIPTION = """\
name: pydnet
file: {file}
kind: affine_invariant_disparity
input: {{height: 192, width: 640}}
output: {{negate: true}}
license: MIT
note: Trained on roads; weak indoors.
"""
SHOWN = ("model", "protocol", "protocol_hash", "alignment", "scope", "rank", "abs_rel", "abs_rel_low", "abs_rel_high",
         "abs_rel_floor", "delta1", "videos", "clips", "frames", "missing_frames")  # fmt: skip


def models(folder: Path, data: Path) -> list[ModelConfig]:
    """What is graded; PyDNet only where its file is."""
    network = data / "models" / PYDNET
    if not network.is_file():
        print(f"left out: pydnet, since {network} is not there")
        return list(DEFAULT_MODELS)
    description = folder / "pydnet.yaml"
    description.write_text(DESCRIPTION.format(file=network.resolve()))
    return [*DEFAULT_MODELS, ModelConfig(name="pydnet", method="tflite", path=str(description), flipped=True)]


def make(out: Path, folder: Path, data: Path) -> dict[str, Any]:
    """Predicts, grades and reports; the rows of the protocol-sensitivity table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dataset", "videos", "clips.json"):
        if not (folder / name).exists():
            (folder / name).symlink_to((out / name).resolve())
    workspace, graded = Workspace(folder), models(folder, data)
    clip_ids = open_dataset(folder).clip_ids
    for model in graded:
        for clip_id in clip_ids:
            predict.run(workspace, model, clip_id)
    evaluate.run(workspace, EvaluateConfig(), graded, clip_ids, cores=os.cpu_count() or 1)
    report.run(workspace, ReportConfig(), clip_ids)
    summary = read_json(workspace.evaluation / "summary.json")
    return {
        "rows": [{name: row[name] for name in SHOWN} for row in summary["sensitivity"]],
        "notes": summary["notes"],
        "unscored": summary["unscored"],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="output folder of a finished run")
    parser.add_argument("--to", type=Path, required=True, help="folder for predictions, tables and report")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds models/")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/models.json")
    arguments = parser.parse_args()
    figures = make(arguments.out, arguments.to, arguments.data)
    print((arguments.to / "evaluation" / "sensitivity.md").read_text())
    if arguments.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
