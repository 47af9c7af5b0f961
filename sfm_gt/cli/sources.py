"""Commands on a finished data set: forget, check-sources, publish, hydrate, pseudo-label. ``cli.py`` joins them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from sfm_gt.config import ProvenanceConfig
    from sfm_gt.formats.license_terms import Action

commands = typer.Typer()
UseOption = Annotated[
    str | None, typer.Option("--use", help="private, research or commercial: what the data is used for")
]
RunFolder = Annotated[Path, typer.Option("--out", help="output folder of a run")]


@commands.command()
def forget(
    source: Annotated[str, typer.Argument(help="video id, file name, URL or SHA-256 of the source")],
    out: RunFolder,
    also: Annotated[
        list[Path] | None, typer.Option("--also", help="an export or release to clean too; repeatable")
    ] = None,
    with_duplicates: Annotated[
        bool | None,
        typer.Option(
            "--with-duplicates/--without-duplicates", help="also forget, or keep, near-duplicates of the source"
        ),
    ] = None,
    cores: Annotated[int, typer.Option("--cores", min=1)] = 1,
) -> None:
    """Remove a source and everything derived from it, reject it in later runs, and verify that nothing is left."""
    from sfm_gt.commands import forget as stage

    typer.echo(stage.run(out, source, also or (), cores, with_duplicates))


@commands.command("check-sources")
def check_sources(
    dataset: Annotated[Path, typer.Argument(help="output folder of a run, a data set or a release")],
    videos: Annotated[
        Path | None, typer.Option("--videos", help="folder or table of the video files, to find changed ones")
    ] = None,
) -> None:
    """Find dead links, missing and changed files, and sources without licence or consent; exit status 1 if there are any."""
    from sfm_gt.commands import check_sources as stage

    lines, n_invalid = stage.run(dataset, videos)
    typer.echo("\n".join([*lines, f"{n_invalid} of {len(lines)} sources have problems"]))
    raise typer.Exit(1 if n_invalid else 0)


@commands.command()
def publish(
    out: Annotated[Path, typer.Argument(help="output folder of a run")],
    release: Annotated[Path, typer.Argument(help="new folder for the release")],
    annotations_only: Annotated[
        bool, typer.Option("--annotations-only", help="release no pixels of the videos")
    ] = False,
    blur_faces: Annotated[Path | None, typer.Option("--blur-faces", help="YuNet's ONNX file")] = None,
    name: Annotated[str | None, typer.Option("--name", help="name of the release, for its cards")] = None,
    layout: Annotated[
        Literal["parquet", "tree"] | None,
        typer.Option("--layout", help="parquet (tables by split, the default) or tree (a file a layer)"),
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="page of the data set")] = None,
    creator: Annotated[list[str] | None, typer.Option("--creator", help="name of who made it; repeatable")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="e-mail address or page for requests")] = None,
    synthetic: Annotated[
        bool | None, typer.Option("--synthetic/--filmed", help="whether the videos are rendered or generated")
    ] = None,
    use: UseOption = None,
) -> None:
    """Write a release with its cards, if the licences allow the stated use; with images or annotations only."""
    from sfm_gt.commands import publish as stage
    from sfm_gt.provenance.publisher import Publisher

    publisher = Publisher(url, tuple(creator or ()), contact, synthetic)
    content = stage.run(
        out,
        release,
        stated_use(use, out),
        annotations_only,
        blur_faces,
        name,
        layout,
        publisher,
    )
    faces = content["faces"]
    blurred = f", {faces['n_faces']} faces blurred, {faces['n_found_again']} found again" if faces else ""
    typer.echo(f"{release}: {'annotations only' if annotations_only else 'with pictures'}{blurred}")
    if content["not_stated"]:
        typer.echo(f"not stated, and so not in the cards: {', '.join(content['not_stated'])}")
    for line in content["beyond_hub"]:
        typer.echo(f"more than the Hugging Face hub takes: {line}; use --layout parquet")


@commands.command()
def hydrate(
    release: Annotated[Path, typer.Argument(help="an annotations-only release")],
    videos: Annotated[Path, typer.Option("--videos", help="folder of your own copies of the videos")],
) -> None:
    """Recreate the images of an annotations-only release from your own copies of the videos, verified by hash."""
    from sfm_gt.commands import hydrate as stage

    typer.echo(stage.run(release, videos))


@commands.command("pseudo-label")
def pseudo_label(
    out: RunFolder,
    clip: Annotated[str, typer.Option("--clip", help="clip id")],
    teacher: Annotated[str, typer.Option("--teacher", help="a model of the run whose predictions are there")],
) -> None:
    """Align a teacher's predictions to the ground truth and store them as a separate layer, with their agreement."""
    from sfm_gt.commands import pseudo_labels as stage
    from sfm_gt.formats.workspace import Workspace

    labels = stage.run(Workspace(out), clip, teacher)
    mean = sum(labels.agreement.values()) / len(labels.agreement)
    typer.echo(f"pseudo-label: {len(labels.agreement)} frames by {teacher}, agreement {mean:.3f}")


def stated_use(use: str | None, out: Path) -> ProvenanceConfig:
    """What ``--use`` says, else the configuration of the run in ``out`` where there is one, with its terms.

    ``out`` may be the run's ``dataset`` folder as well, or a release, which states its use itself.

    Raises:
        ConfigError: no such use.
    """
    from sfm_gt.commands.publish import RELEASE_JSON
    from sfm_gt.config import ProvenanceConfig, read_config
    from sfm_gt.errors import ConfigError
    from sfm_gt.formats.manifest import read_json
    from sfm_gt.formats.validation import validated
    from sfm_gt.formats.workspace import Workspace

    run = out.resolve().parent if out.resolve().name == "dataset" else out
    stated: dict[str, Any] = {}
    if Workspace(run).config.is_file():
        stated = read_config(Workspace(run).config).provenance.model_dump(mode="json")
    elif (out / RELEASE_JSON).is_file():
        stated = {"use": read_json(out / RELEASE_JSON)["use"]}
    stated |= {"use": use} if use else {}
    return validated(ProvenanceConfig, stated, "--use", ConfigError)


def require_use(dataset: Path, action: Action, config: ProvenanceConfig, clip_ids: Sequence[str] = ()) -> None:
    """Refuses ``action`` on clips (all without ``clip_ids``) of a data set, or a run, that a source does not allow."""
    from sfm_gt.datasets.frames import open_dataset
    from sfm_gt.provenance import license_gate

    opened = open_dataset(dataset)
    license_gate.require(opened, clip_ids or opened.clip_ids, action, config.use, config.terms)
