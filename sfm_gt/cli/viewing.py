"""The command that shows a finished clip. ``app.py`` joins it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def view(
    out: Annotated[Path, typer.Argument(help="output folder of a run, or its dataset folder")],
    clip: Annotated[str | None, typer.Option("--clip", help="clip id; default: the first")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="write FILE.rrd in place of opening the viewer")] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="folder of <clip>/NNNNNN.npy, true z-depth in metres, to show errors")
    ] = None,
) -> None:
    """Look at a clip in Rerun: points and cameras in 3-D, layers, predictions and their errors along the time line."""
    from sfm_gt.commands import view as stage

    typer.echo(stage.run(out, clip, save, truth))
