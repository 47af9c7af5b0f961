"""``sfm-gt <stage>``: parse, load the configuration, call the stage, turn known errors into one line and exit status 1."""

from __future__ import annotations

import errno
import logging
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from sfm_gt.cli.clip_stages import commands as stage_commands
from sfm_gt.cli.run import ConfigOption, CoresOption, Run, VideoOption
from sfm_gt.cli.sources import commands as source_commands
from sfm_gt.cli.sources import require_use, stated_use
from sfm_gt.cli.viewing import commands as viewing_commands
from sfm_gt.errors import InputError, SfmGtError

app = typer.Typer(
    name="sfm-gt",
    help="Metric depth ground truth from frozen-scene videos. Each command is one stage of the workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(stage_commands)
app.add_typer(source_commands)
app.add_typer(viewing_commands)
log = logging.getLogger("sfm_gt")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sfm-gt {installed_version('sfm-gt')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="verbose output, for bug reports")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="only warnings and errors")] = False,
) -> None:
    """What holds for every command."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout, force=True)
    log.setLevel(level)


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_workflow(
    context: typer.Context,
    videos: Annotated[Path, typer.Argument(help="folder of videos, or a table of them (.csv, .parquet)")],
    out: Annotated[Path, typer.Option("--out", help="output folder")],
    profile: Annotated[
        str | None, typer.Option("--profile", help="where it runs: local, slurm, or a profile of your own")
    ] = None,
) -> None:
    """Run the whole workflow on a folder of videos; what else is given goes to Snakemake (--cores 4, --dry-run, ...)."""
    from sfm_gt.commands import run_workflow as stage

    stage.run(videos, out, profile, context.args)


@app.command()
def snakefile() -> None:
    """Print where the workflow's Snakefile lies: snakemake -s "$(sfm-gt snakefile)"."""
    from sfm_gt.workflow import packaged

    typer.echo(packaged.snakefile())


@app.command()
def reconstruct(
    config: ConfigOption,
    video: VideoOption,
    cores: CoresOption = 1,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="leave frames and dense depth in OUT/work, as --notemp asks for")
    ] = False,
) -> None:
    """Process one video, from decoding to the data set of its clips; an error becomes its status `failed`."""
    from sfm_gt.jobs import reconstruct as job
    from sfm_gt.workflow.staleness import VideoInputs

    run = Run(config)
    run.claim("reconstruct", video)
    verdict = job.run(run.workspace, run.config, VideoInputs.of(run.video(video)), cores, keep_files)
    facts = verdict.facts
    said = f"reconstruct: {video}, {facts['status']}"
    log.log(
        logging.WARNING if facts["reason"] else logging.INFO,
        said + (f": {facts['message']}" if facts["reason"] else ""),
    )


@app.command()
def predict(config: ConfigOption, video: VideoOption, model: Annotated[str, typer.Option("--model")]) -> None:
    """Run one depth model on the clips of one video."""
    from sfm_gt.jobs import predict as job

    run = Run(config)
    chosen = run.model(model)
    run.claim("predict", model, video)
    job.run(run.workspace, chosen, video)


@app.command()
def collect(config: ConfigOption, cores: CoresOption = 1) -> None:
    """Write the data set's index, the tables and the report over all videos."""
    from sfm_gt.jobs import collect as job

    run = Run(config)
    run.claim("collect")
    job.run(run.workspace, run.config, run.videos(), cores)


@app.command()
def index(config: ConfigOption) -> None:
    """Index of all clips: one Parquet row per frame."""
    from sfm_gt.stages import index as stage

    run = Run(config)
    content = stage.run(run.workspace, run.clip_ids())
    log.info("index: %d frames of %d clips", content["frames"], len(content["clips"]))


@app.command()
def evaluate(
    config: Annotated[
        Path | None, typer.Option("--config", help="configuration of a run; evaluates all its models")
    ] = None,
    gt: Annotated[
        Path | None, typer.Option("--gt", help="output folder of a run, to evaluate your own predictions")
    ] = None,
    benchmark: Annotated[str | None, typer.Option("--benchmark", help="--gt holds the files of this benchmark")] = None,
    layout: Annotated[
        Path | None, typer.Option("--layout", help="--gt is a plain folder whose files this YAML locates")
    ] = None,
    predictions: Annotated[
        list[str] | None, typer.Option("--predictions", help="[NAME=]folder of <clip>/NNNNNN.npy; several times")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="what their values mean: once, or once for each folder")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="folder for the tables of your own predictions")] = Path(
        "evaluation"
    ),
    protocol: Annotated[list[str] | None, typer.Option("--protocol", help="a name or a YAML file; repeatable")] = None,
    fusion: Annotated[bool, typer.Option("--fusion", help="with --gt: F-score of fused maps, 0.3 s a map")] = False,
    compare_published: Annotated[
        list[str] | None, typer.Option("--compare-published", help="with --benchmark: NAME=PUBLISHED MODEL; repeatable")
    ] = None,
    use: Annotated[str | None, typer.Option("--use", help="with --gt: private, research or commercial")] = None,
    cores: CoresOption = 1,
) -> None:
    """Evaluate all models of a run (--config), or predictions on disk (--gt, --predictions, --kind); write the tables."""
    if config is not None:
        from sfm_gt.stages import evaluate as stage

        run = Run(config)
        require_use(run.workspace.root, "evaluate", run.config.provenance)
        stage.run(run.workspace, run.config.evaluate, run.config.models, run.clip_ids(), run.config.seed, cores)
    elif gt is not None and predictions and kind:
        from sfm_gt.commands import evaluate_predictions

        if benchmark is None and layout is None:
            require_use(gt, "evaluate", stated_use(use, gt))
        table = evaluate_predictions.run(
            gt, predictions, kind, out, protocol or (), cores, benchmark, layout, fusion, compare_published or ()
        )
        typer.echo(table, nl=False)
    else:
        raise InputError("evaluate: give --config of a run, or all of --gt OUT --predictions DIR --kind KIND")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="output folder of a run, or its dataset folder")],
    format_name: Annotated[str, typer.Option("--format", help="a file in sfm_gt/exporters/, see docs/export.md")],
    to: Annotated[Path, typer.Option("--to", help="folder to write; an earlier export there is replaced")],
    clip: Annotated[list[str] | None, typer.Option("--clip", help="only this clip; repeatable")] = None,
    use: Annotated[
        str | None, typer.Option("--use", help="private, research or commercial; default: that of the run")
    ] = None,
) -> None:
    """Export the data set to another format, if the licences allow the stated use."""
    from sfm_gt.commands import export as stage

    require_use(out, "export", stated_use(use, out), clip or ())
    manifest = stage.run(out, format_name, to, clip or ())
    for left in manifest["left_out"]:
        typer.echo(f"export: {left['clip_id']} left out ({left['reason']})")
    for clip_id, seconds in manifest["measures"].get("rolling_shutter_s", {}).items():
        typer.echo(
            f"export: {clip_id} has a rolling shutter ({1e3 * seconds:.1f} ms), which {format_name} cannot represent"
        )
    frames = sum(entry["frames"] for entry in manifest["clips"])
    typer.echo(f"export: {frames} frames of {len(manifest['clips'])} clips in {to}")


@app.command()
def layers(
    out: Annotated[Path, typer.Argument(help="output folder of a run, or its dataset folder")],
    clip: Annotated[list[str] | None, typer.Option("--clip", help="only this clip; repeatable")] = None,
    seed: Annotated[int, typer.Option("--seed", help="seed of the sampled pairs")] = 0,
) -> None:
    """Derive background plates, foregrounds, near/far labels and people's joints of a data set, in its layers/."""
    from sfm_gt.commands import layers as stage

    for clip_id, manifest in stage.run(out, clip or (), seed).items():
        absent = "; ".join(f"no {name}: {why}" for name, why in manifest.measures.get("absent", {}).items())
        typer.echo(f"layers: {clip_id}, {manifest.measures['frames']} frames" + (f" ({absent})" if absent else ""))


@app.command("import")
def import_(
    video: Annotated[Path, typer.Argument(help="the video that the cameras belong to")],
    format_name: Annotated[str, typer.Option("--format", help="a file in sfm_gt/importers/, see docs/import.md")],
    file: Annotated[Path, typer.Option("--file", help="pose file, or folder of a model or recording")],
    refine: Annotated[bool, typer.Option("--refine", help="adjust the cameras to the images")] = False,
) -> None:
    """Add existing cameras to a video's sidecar, so that SfM is skipped for it."""
    from sfm_gt.commands import import_cameras as stage

    typer.echo(stage.run(video, format_name, file, refine))


@app.command()
def report(config: ConfigOption) -> None:
    """Write the HTML report."""
    from sfm_gt.stages import report as stage

    run = Run(config)
    stage.run(run.workspace, run.config.report, run.clip_ids())


@app.command()
def summary(config: ConfigOption) -> None:
    """Summarise what the run produced; exit status 1 if it produced nothing, or anything failed or is out of date."""
    from sfm_gt.stages import summary as stage

    typer.echo(stage.run(Run(config).workspace))


@app.command()
def tidy(out: Annotated[Path, typer.Argument(help="output folder of a run")]) -> None:
    """Remove the intermediate results of a finished run; data set, tables and report stay."""
    from sfm_gt.commands import tidy as stage

    typer.echo(f"tidy: {stage.run(out) / 1e6:.1f} MB freed")


@app.command()
def schema(folder: Annotated[Path, typer.Argument(help="folder for default.yaml and schema.json")]) -> None:
    """Write the default configuration and the JSON schema of all keys."""
    from sfm_gt.config import write_schema

    write_schema(folder)


def _os_error_line(error: OSError) -> str:
    fixes = {
        errno.ENOSPC: "the disk is full; free some space or choose another out folder, then run again",
        errno.EDQUOT: "the disk quota is used up; free some space or choose another out folder, then run again",
        errno.EROFS: "the file system is read-only; choose another out folder",
        errno.EACCES: "permission denied; make it writable or choose another folder",
        errno.EPERM: "permission denied; make it writable or choose another folder",
    }
    where = f"{error.filename}: " if error.filename else ""
    return where + fixes.get(error.errno or 0, str(error))


def main() -> None:
    """Entry point of ``sfm-gt``."""
    try:
        app()
    except SfmGtError as error:
        typer.echo(f"sfm-gt: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        typer.echo(f"sfm-gt: {_os_error_line(error)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
