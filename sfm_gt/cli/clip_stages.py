"""The commands of the stages of one video or clip, each by itself. ``app.py`` joins them."""

from __future__ import annotations

import logging

import typer

from sfm_gt.cli.run import ClipOption, ConfigOption, CoresOption, Run, VideoOption
from sfm_gt.workflow.clip_stage import say

commands = typer.Typer()
log = logging.getLogger("sfm_gt")


@commands.command()
def ingest(config: ConfigOption, video: VideoOption) -> None:
    """Probe one video and read its sidecar; reject it with a reason if it cannot be used."""
    from sfm_gt.stages import ingest as stage

    run = Run(config)
    facts = stage.run(run.workspace, run.video(video), run.config.frames, run.config.provenance)
    said = f"ingest: {facts['status']}" + (f" ({facts['reason']}): {facts['message']}" if facts["reason"] else "")
    log.log(logging.WARNING if facts["reason"] else logging.INFO, said)
    for warning in facts.get("warnings", ()):
        log.warning("ingest: %s", warning)


@commands.command()
def clips(config: ConfigOption, video: VideoOption) -> None:
    """Cut one video into clips (shots)."""
    from sfm_gt.stages import clips as stage

    run = Run(config)
    content = stage.run(run.workspace, video, run.video(video).path, run.config.clips)
    log.info("clips: %d kept, %d rejected", len(content["clips"]), len(content["rejected"]))


@commands.command()
def frames(config: ConfigOption, clip: ClipOption) -> None:
    """Decode the frames of one clip and choose keyframes."""
    from sfm_gt.stages import frames as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, run.clip(clip), run.video_of(clip).path, run.config.frames))


@commands.command()
def sfm(config: ConfigOption, clip: ClipOption, cores: CoresOption = 1) -> None:
    """Camera, poses and sparse points of one clip."""
    from sfm_gt.formats.manifest import read_json
    from sfm_gt.formats.sidecar import read_sidecar
    from sfm_gt.sfm.given_cameras import read_cameras
    from sfm_gt.stages import sfm as stage

    run = Run(config)
    run.claim_video(clip)
    video = run.video_of(clip)
    cameras = read_cameras(video.sidecar, read_json(run.workspace.ingest(video.video_id)))
    hints = read_sidecar(video.sidecar).camera
    say(stage.run(run.workspace, clip, run.config.sfm, hints, run.config.seed, cores, cameras))


@commands.command()
def dense(config: ConfigOption, clip: ClipOption, cores: CoresOption = 1) -> None:
    """Depth and sigma of every frame of one clip, in SfM units."""
    from sfm_gt.stages import dense as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.config.dense, cores))


@commands.command()
def moving(config: ConfigOption, clip: ClipOption, cores: CoresOption = 1) -> None:
    """Moving regions of one clip: observed flow against the rigid flow of depth and poses."""
    from sfm_gt.stages import moving as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.config.moving, cores))


@commands.command()
def clean(config: ConfigOption, clip: ClipOption, cores: CoresOption = 1) -> None:
    """Decide which dense depth of one clip is valid; count what each rule drops."""
    from sfm_gt.stages import clean as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.config.clean, cores))


@commands.command()
def scale(config: ConfigOption, clip: ClipOption) -> None:
    """Metres per SfM unit of one clip, or metric: false with the reason."""
    from sfm_gt.stages import scale as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.video_of(clip).sidecar, run.config.scale))


@commands.command()
def maps(config: ConfigOption, clip: ClipOption) -> None:
    """Images, depth, sigma and masks of one clip as they are published, before scale."""
    from sfm_gt.stages import maps as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.config.dataset))


@commands.command()
def dataset(config: ConfigOption, clip: ClipOption) -> None:
    """Publish the maps of one clip below OUT/dataset, in metres where it is metric."""
    from sfm_gt.stages import dataset as stage

    run = Run(config)
    run.claim_video(clip)
    say(stage.run(run.workspace, clip, run.video_of(clip).sidecar))
