"""Grades predictions that other programs wrote, without a workflow: a data set, folders and what their values mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.datasets.frames import Dataset, Frame, open_dataset
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.evaluation.evaluated_frames import depth_of
from sfm_gt.evaluation.evaluation_files import MAIN_TABLE, SUFFIXES
from sfm_gt.evaluation.grade import Job, grade, network_facts, sha256_of
from sfm_gt.evaluation.pair_order import grade_pairs
from sfm_gt.evaluation.published_comparison import figures_for
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.workspace import Workspace
from sfm_gt.metrics.fusion import DA3_BENCH
from sfm_gt.metrics.grading import FramePrediction
from sfm_gt.metrics.noise_floor import GtErrors
from sfm_gt.metrics.protocol import Protocol, load_protocols
from sfm_gt.models.on_disk import OnDiskModel
from sfm_gt.models.shared.cameras import OwnCameras, read_cameras
from sfm_gt.models.shared.prediction import KINDS, FrameKey, Kind, MissingPredictionError
from sfm_gt.models.shared.stored import CONFIDENCE, FLIPPED, SIGMA, read_map
from sfm_gt.public_datasets import Benchmark, BenchmarkFrame, open_benchmark
from sfm_gt.public_datasets.folder import open_folder

SEED = 0


def run(
    gt: Path,
    predictions: Sequence[str],
    kinds: Sequence[str],
    out: Path,
    protocols: Sequence[str],
    cores: int,
    benchmark: str | None = None,
    layout: Path | None = None,
    fusion: bool = False,
    compare_published: Sequence[str] = (),
) -> str:
    """Writes all tables into ``out`` and gives the main one as Markdown.

    Args:
        gt: output folder of a run or its ``dataset`` folder, the files of a benchmark, or a plain folder.
        predictions: folders that hold <clip_id>/NNNNNN.npy (npz, exr, png) or <clip_id>.npz, and in
            <clip_id>/{flipped,sigma,confidence}/NNNNNN.npy what there is of these; each may be given as NAME=FOLDER, else a
            model is called as its folder.
        kinds: one for all folders, or one for each.
        protocols: names or YAML files, all shipped ones when empty.
        benchmark: name of a public benchmark whose official files ``gt`` holds; its range and crop fill the protocols in.
        fusion: whether maps are fused into clouds and compared, which is slow (``metrics.fusion``).
        compare_published: names of published models, each as NAME=PUBLISHED, where NAME is that of a folder; with a benchmark.
        layout: file that says where things lie in a plain folder ``gt`` (``public_datasets.folder``).

    Raises:
        ConfigError: no such kind, protocol or benchmark; benchmark and layout given; not as many kinds as folders, or two of
            one name.
        InputError: ``out`` holds something else than an earlier evaluation, there is no data set, a file of it is not as it was
            written, a forget was interrupted, no prediction fits, or the values run against their kind.
    """
    _check_target(out)
    models = _named(predictions, kinds)
    job = _job(_dataset(gt, benchmark, layout), models, protocols, benchmark)
    if isinstance(job.dataset, Benchmark) and job.dataset.has_pairs:
        return _pairs_table(job, job.dataset, out, cores, bool(protocols or fusion or compare_published))
    if fusion:
        job = replace(job, fusion=DA3_BENCH.get((benchmark or "").partition("_")[0], DA3_BENCH[""]))
    if compare_published:
        job = replace(job, compared=(benchmark or "", _pairs(compare_published, models, benchmark)))
    with replacing_directory(out) as folder:
        refused = grade(folder, job, SEED, cores)
        if refused:
            raise InputError(f"--predictions: {refused[0]}")
    return (out / "table.md").read_text()


def _check_target(out: Path) -> None:
    """What is there will be replaced as a whole, so nothing but tables of an earlier evaluation may be lost."""
    if not out.exists():
        return
    found = sorted(out.iterdir()) if out.is_dir() else [out]
    others = [path for path in found if not path.is_file() or path.suffix not in SUFFIXES]
    if not found or (not others and {path.name for path in found} >= MAIN_TABLE):
        return
    raise InputError(
        f"--out {out}: is no earlier evaluation (holds {(others or found)[0].name!r}); choose an empty or new folder"
    )


def _pairs_table(job: Job, benchmark: Benchmark, out: Path, cores: int, depth_wanted: bool) -> str:
    if depth_wanted:
        raise ConfigError(
            f"--benchmark {benchmark.name}: pairs have no depth; leave --protocol, --fusion, --compare-published out"
        )
    with replacing_directory(out) as folder:
        grade_pairs(folder, benchmark, job.kinds, job.predict, SEED, cores)
    return (out / "table.md").read_text()


@dataclass(frozen=True)
class _Predictions:
    folder: Path
    kind: Kind


def _named(predictions: Sequence[str], kinds: Sequence[str]) -> dict[str, _Predictions]:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ConfigError(f"--kind: found {unknown[0]!r}, needed one of {', '.join(KINDS)}")
    if len(kinds) not in (1, len(predictions)):
        raise ConfigError(
            f"--kind: found {len(kinds)} for {len(predictions)} folders of predictions, needed one or as many"
        )
    found: dict[str, _Predictions] = {}
    for number, text in enumerate(predictions):
        name, _, folder = ("", "", text) if Path(text).is_dir() else text.partition("=")
        path = Path(folder or name)
        name = name if folder and name else path.resolve().name
        if name in found:
            raise ConfigError(f"--predictions: {name!r} is given twice; give NAME=FOLDER")
        found[name] = _Predictions(path, cast(Kind, kinds[number % len(kinds)]))
    return found


def _pairs(texts: Sequence[str], models: Mapping[str, _Predictions], benchmark: str | None) -> dict[str, str]:
    if benchmark is None:
        raise ConfigError("--compare-published: figures are published for benchmarks; give --benchmark")
    pairs = dict(text.partition("=")[::2] for text in texts)
    if len(pairs) < len(texts):
        raise ConfigError("--compare-published: a folder is named twice; give it once, with one published model")
    unknown = sorted(pairs.keys() - models.keys())
    if unknown or not all(pairs.values()):
        raise ConfigError(
            f"--compare-published: found {', '.join(texts)!r}, needed NAME=PUBLISHED MODEL with NAME one of "
            f"{', '.join(models)}"
        )
    return pairs


def _dataset(gt: Path, benchmark: str | None, layout: Path | None) -> Dataset | Benchmark:
    if benchmark is not None and layout is not None:
        raise ConfigError("--layout: a benchmark has a layout of its own; give --benchmark or --layout")
    if layout is not None:
        return open_folder(gt, layout)
    if benchmark is not None:
        return open_benchmark(benchmark, gt)
    dataset = open_dataset(gt)
    Workspace.around(dataset.path).require_no_forget()
    dataset.check_files(dataset.clip_ids)
    return dataset


def _job(
    dataset: Dataset | Benchmark,
    models: Mapping[str, _Predictions],
    protocols: Sequence[str],
    benchmark: str | None,
) -> Job:
    plugins = {name: OnDiskModel(ModelConfig.model_construct(name=name, method="on_disk", path=str(one.folder),
                                                             kind=one.kind)) for name, one in models.items()}  # fmt: skip
    folders = {name: _folder_of_a_clip(one.folder, dataset.clip_ids) for name, one in models.items()}
    weights = {name: sha256_of(folder) for name, folder in folders.items()}
    predict = partial(_predict, plugins, models, lru_cache(maxsize=None)(read_cameras))
    return Job(
        dataset, dataset.clip_ids, {name: one.kind for name, one in models.items()}, predict,
        _protocols(protocols, dataset if isinstance(dataset, Benchmark) else None),
        {name: network_facts(folder) for name, folder in folders.items()},
        {name: sha256 for name, sha256 in weights.items() if sha256},
        _quoted(benchmark) if benchmark else (),
        GtErrors(EvaluateConfig().gt_frame_sigma, EvaluateConfig().gt_correlation_px),
        {name: one.folder for name, one in models.items()},
    )  # fmt: skip


def _folder_of_a_clip(predictions: Path, clip_ids: Sequence[str]) -> Path:
    found = [
        predictions / clip_id
        for clip_id in clip_ids
        if (predictions / clip_id).is_dir() or (predictions / f"{clip_id}.npz").is_file()
    ]
    if not found:
        raise InputError(
            f"{predictions}: holds no folder or .npz of a clip; needed one of {', '.join(clip_ids[:5])}, …"
        )
    return found[0]


def _predict(
    plugins: Mapping[str, OnDiskModel],
    models: Mapping[str, _Predictions],
    cameras: Callable[[Path], OwnCameras],
    model: str,
    frame: Frame | BenchmarkFrame,
) -> FramePrediction:
    plugin, folder = plugins[model], models[model].folder
    height, width = depth_of(frame).shape
    try:
        # As stored: how a map comes to the size of the GT is the protocol's to say.
        values = plugin.stored(FrameKey(frame.clip_id, frame.frame_index), height, width)
    except MissingPredictionError:
        return FramePrediction(plugin.kind, None)
    flipped, sigma, confidence = (
        read_map(folder / frame.clip_id / beside, frame.frame_index, values.shape)
        for beside in (FLIPPED, SIGMA, CONFIDENCE)
    )
    camera = cameras(folder / frame.clip_id).pinhole(frame.frame_index, width, height)
    return FramePrediction(plugin.kind, values, flipped, sigma=sigma, confidence=confidence, camera=camera)


def _protocols(names: Sequence[str], benchmark: Benchmark | None) -> list[Protocol]:
    config = EvaluateConfig()
    if benchmark is None:
        return load_protocols(names or config.protocols, config.min_depth_m, config.max_depth_m, config.min_pixels)
    customs = benchmark.conventions
    crop: Any = customs.crops[0] if customs.crops else "none"
    return load_protocols(
        names or config.protocols, customs.gt_range_m[0], customs.gt_range_m[1], config.min_pixels, crop
    )


def _quoted(benchmark: str) -> list[dict[str, Any]]:
    """Rows that others published for the benchmark's family, marked as quoted."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for figure in figures_for(benchmark):
        if figure.scope != "video":
            facts = {"model": f"{figure.model} (quoted: {figure.table})", "kind": figure.kind, "alignment": figure.alignment,
                         "parameters": figure.parameters, "source": figure.source}  # fmt: skip
            rows.setdefault((figure.table, figure.model), facts)[figure.metric] = figure.value
    return list(rows.values())
