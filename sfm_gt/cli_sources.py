"""Commands about whose videos these are: forget, check-sources, publish, hydrate. Joined to ``sfm-gt`` by ``cli.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sfm_gt.config import ProvenanceConfig
    from sfm_gt.formats.license_terms import Action

commands = typer.Typer()
UseOption = Annotated[str, typer.Option("--use", help="private, research or commercial: what the data is used for")]
RunFolder = Annotated[Path, typer.Option("--out", help="output folder of a run")]


@commands.command()
def forget(
    source: Annotated[str, typer.Argument(help="video id, file name, URL or SHA-256 of the source")],
    out: RunFolder,
    also: Annotated[list[Path] | None, typer.Option("--also", help="an export or release to clean too; repeatable")] = None,
    cores: Annotated[int, typer.Option("--cores", min=1)] = 1,
) -> None:
    """Remove every file that came from a source, rewrite what holds others too, keep it from coming back, and prove it."""
    from sfm_gt.stages import forget as stage

    typer.echo(stage.run(out, source, also or (), cores))


def stated_use(use: str) -> ProvenanceConfig:
    """The use of a command that has no configuration. Raises ConfigError for another word."""
    from sfm_gt.config import ProvenanceConfig
    from sfm_gt.errors import ConfigError
    from sfm_gt.formats.validation import validated

    return validated(ProvenanceConfig, {"use": use}, "--use", ConfigError)


def require_use(dataset: Path, action: Action, config: ProvenanceConfig) -> None:
    """Refuses ``action`` on a data set, or the output folder of a run, that a source does not allow."""
    from sfm_gt.datasets.frames import open_dataset
    from sfm_gt.stages import license_gate

    opened = open_dataset(dataset)
    license_gate.require(opened, opened.clip_ids, action, config)
