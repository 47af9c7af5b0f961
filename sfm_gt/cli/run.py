"""What the commands of a run share: its options, its configuration and lookups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sfm_gt.errors import InputError
from sfm_gt.formats.workspace import Workspace

ConfigOption = Annotated[
    Path, typer.Option("--config", help="configuration (YAML); a run leaves it in OUT/config.yaml")
]
VideoOption = Annotated[str, typer.Option("--video", help="video id, as in OUT/videos/")]
ClipOption = Annotated[str, typer.Option("--clip", help="clip id, as in OUT/work/clips/")]
CoresOption = Annotated[int, typer.Option("--cores", min=1, help="threads; results do not depend on their number")]


class Run:
    """The configuration of a run and the lookups that commands share."""

    def __init__(self, config_path: Path):
        from sfm_gt.config import read_config

        self.config = read_config(config_path)
        self.workspace = Workspace(self.config.out)

    def claim(self, *names: str) -> None:
        """Waits until nobody else writes this output: a stage whose workflow was killed may still be at it."""
        from sfm_gt.formats.run_lock import wait_for

        self._claimed = wait_for(self.workspace.lock(*names))

    def claim_video(self, clip_id: str) -> None:
        """The same for all that is made of a clip's video."""
        from sfm_gt.formats.clip_paths import video_of

        self.claim("reconstruct", video_of(clip_id))

    def videos(self) -> Mapping[str, Any]:
        """By id."""
        from sfm_gt.video.catalog_file import known_videos

        return known_videos(self.workspace.catalog, self.config.videos)

    def video(self, video_id: str) -> Any:
        video = self.videos().get(video_id)
        if video is None:
            raise InputError(f"{self.config.videos}: no video with id {video_id!r}; ids are the names in OUT/videos/")
        return video

    def clip(self, clip_id: str) -> dict[str, Any]:
        from sfm_gt.formats.clip_paths import video_of
        from sfm_gt.formats.manifest import read_json

        path = self.workspace.clips(video_of(clip_id))
        listed: list[dict[str, Any]] = read_json(path)["clips"]
        for clip in listed:
            if clip["clip_id"] == clip_id:
                return clip
        raise InputError(f"{path}: no clip {clip_id!r}; known are {', '.join(clip['clip_id'] for clip in listed)}")

    def clip_ids(self) -> list[str]:
        from sfm_gt.formats.manifest import read_json

        return [clip["clip_id"] for clip in read_json(self.workspace.clip_list)["clips"]]

    def video_of(self, clip_id: str) -> Any:
        return self.video(self.clip(clip_id)["video_id"])

    def model(self, name: str) -> Any:
        for model in self.config.models:
            if model.name == name:
                return model
        raise InputError(f"no model {name!r}; known are {', '.join(m.name for m in self.config.models)}")
