"""Render a scene with its exact truth: ``python render.py SCENE OUT [--work DIR]``.

OUT gets ``videos/SCENE.mp4`` with its sidecar and ``truth/`` (or the folder given with --truth, where several scenes
share OUT). The work folder keeps what was rendered, so that a killed run goes on where it was. Needs the ``scenes``
extra (see constraints.txt); sfm_gt never imports any of this.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import time
from pathlib import Path

import numpy as np
import passes
import stage
import truth
from camera_path import cam_from_world_of, lens_at
from encode import caption_mask, encode, timestamps_s
from people import BodyModel, make_figure, vertices_at
from scene_types import Scene

COLOUR_SAMPLES = 10
ROOM_EVERY = 12


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "scene", help="a module of catalogue/, or a room of its rooms.py, dense_rooms.py or fit_rooms.py"
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--work", type=Path, help="what is already rendered (default OUT/work)")
    parser.add_argument("--truth", type=Path, help="folder of the truth (default OUT/truth)")
    parser.add_argument("--samples", type=int, default=COLOUR_SAMPLES, help="colour rays a pixel")
    parser.add_argument("--scale", type=float, default=1.0, help="shrink the picture, for a quick look")
    parser.add_argument("--frames", type=int, nargs="+", help="just these frames, nothing written to OUT")
    parser.add_argument(
        "--room", action="store_true", help="depth of the room without people, into the truth; nothing else"
    )
    parser.add_argument("--threads", type=int, default=0, help="0 takes every core")
    return parser.parse_args()


def find_scene(name: str) -> Scene:
    """The scene of the module of that name, or the room of that name."""
    if importlib.util.find_spec(f"catalogue.{name}"):
        return importlib.import_module(f"catalogue.{name}").SCENE
    modules = (importlib.import_module(f"catalogue.{module}") for module in ("rooms", "dense_rooms", "fit_rooms"))
    return {room.name: room for module in modules for room in module.ROOMS.values()}[name]


def shrunk(scene: Scene, scale: float) -> Scene:
    """The same view on fewer pixels."""
    camera = scene.camera
    smaller = dataclasses.replace(
        camera,
        width=round(camera.width * scale),
        height=round(camera.height * scale),
        focal_px=camera.focal_px * scale,
        centre_px=camera.centre_px and (camera.centre_px[0] * scale, camera.centre_px[1] * scale),
    )
    return dataclasses.replace(scene, camera=smaller)


class Studio:
    """The built scene, ready to be put at any frame."""

    def __init__(self, scene: Scene, threads: int) -> None:
        stage.clear()
        self.cam_from_world = cam_from_world_of(scene.camera, scene.n_frames, scene.seed)
        self._body = BodyModel()
        self.figures = [make_figure(self._body, person) for person in scene.people]
        for thing in scene.room:
            stage.add_thing(thing)
        self._things = [stage.add_figure(figure) for figure in self.figures]
        stage.add_lights(scene.lighting)
        self._lens_at = [lens_at(scene.camera, frame, scene.n_frames) for frame in range(scene.n_frames)]
        self._camera = stage.add_camera()
        passes.configure(scene.camera, threads)

    def show(self, frame_index: int) -> None:
        stage.place_camera(self._camera, self.cam_from_world[frame_index])
        stage.set_lens(self._camera, self._lens_at[frame_index])
        for figure, thing in zip(self.figures, self._things, strict=True):
            if figure.person.motion:
                stage.move_figure(thing, figure, vertices_at(self._body, figure, frame_index))


def render_all(studio: Studio, frames: list[int], work: Path, samples: int) -> None:
    """Truth first (fast), then colour; frames already in ``work`` are left alone."""
    truth, colour = work / "truth", work / "colour"
    colour.mkdir(parents=True, exist_ok=True)
    passes.prepare_truth(truth)
    for frame in frames:
        if not all((truth / f"{kind}_{frame:04d}.exr").exists() for kind in ("depth", "label", "offset")):
            studio.show(frame)
            passes.render_truth(frame)
    passes.prepare_colour(samples)
    for frame in frames:
        target = colour / f"{frame:06d}.png"
        if not target.exists():
            started = time.monotonic()
            studio.show(frame)
            passes.render_colour(frame, target)
            print(f"frame {frame}: {time.monotonic() - started:.1f} s", flush=True)


def publish(scene: Scene, studio: Studio, work: Path, videos: Path, maps: Path) -> None:
    """Video, sidecar and truth from what the work folder holds."""
    videos.mkdir(parents=True, exist_ok=True)
    path, frames = scene.camera, range(scene.n_frames)
    covered = np.stack([caption_mask(path.height, path.width, scene.overlays, frame) for frame in frames])
    video = videos / f"{scene.name}.mp4"
    pictures = [work / "colour" / f"{frame:06d}.png" for frame in frames]
    encode(pictures, video, scene.fps, scene.crf, scene.overlays)
    truth.write_maps(work / "truth", maps, scene, covered)
    truth.write_json(maps, scene, work / "truth", studio.cam_from_world, timestamps_s(video))
    truth.write_sidecar(video.with_suffix(".yaml"), scene, work / "truth", studio.cam_from_world, covered.any(axis=0))


def publish_room(scene: Scene, studio: Studio, work: Path, maps: Path) -> None:
    """Depth of every ROOM_EVERY-th frame of a scene that was built without its people."""
    passes.prepare_truth(work / "room")
    for frame in range(0, scene.n_frames, ROOM_EVERY):
        studio.show(frame)
        passes.render_truth(frame)
    truth.write_room(work / "room", maps, scene, range(0, scene.n_frames, ROOM_EVERY))


def main() -> None:
    args = arguments()
    scene = shrunk(find_scene(args.scene), args.scale)
    work = args.work or args.out / "work"
    if args.room:
        scene = dataclasses.replace(scene, people=())
        publish_room(scene, Studio(scene, args.threads), work, args.truth or args.out / "truth")
        return
    studio = Studio(scene, args.threads)
    render_all(studio, args.frames or list(range(scene.n_frames)), work, args.samples)
    if not args.frames:
        publish(scene, studio, work, args.out / "videos", args.truth or args.out / "truth")


if __name__ == "__main__":
    main()
