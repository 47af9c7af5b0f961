"""COLMAP's own multi-view stereo (Schönberger et al. 2016) as a method of the dense stage; needs CUDA.

COLMAP works on a workspace folder as a whole: all photometric maps first, then geometric maps filtered by agreement. So
this method densifies a clip, not a view. It states no error of its own; see :func:`stated_sigma`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.dense.shared.estimate import DepthEstimate, empty_estimate
from sfm_gt.dense.shared.neighbours import can_bound_depth, choose_neighbours
from sfm_gt.errors import InputError
from sfm_gt.formats.scratch import scratch_folder
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View

if TYPE_CHECKING:
    import pycolmap

# COLMAP drops a depth that returns from a neighbour more than this many pixels away (its default). It lets the same
# error pass, so the same figure is the sigma that is stated.
MAX_RETURN_PX = 1.0
# COLMAP's default of 3 degrees empties slow hand-held video; what a narrow angle costs, sigma says.
MIN_TRIANGULATION_ANGLE_DEG = 1.0
# COLMAP's default, and the least that is asked for: its sigma does not know how well views agree.
MIN_CONSISTENT = 2
CAMERA_ID = 1
# Relative change of depth by which the displacement in a neighbour is measured.
_PROBE_REL = 1e-3


class Colmap:
    """See the module. Unlike the CPU engine it has no bound on relative depth: COLMAP's own is :data:`MAX_RETURN_PX`."""

    needs_cuda: ClassVar[bool] = True

    def __init__(self, min_consistent: int = 3, max_rel_difference: float = 0.02, device: str = "cuda"):
        """``min_consistent`` neighbours must agree, at least :data:`MIN_CONSISTENT`; the others belong to the interface.

        Raises:
            InputError: pycolmap was built without CUDA.
        """
        import pycolmap

        if not pycolmap.has_cuda:
            raise InputError(
                f"dense: method colmap found pycolmap {pycolmap.__version__} without CUDA, it needs one with CUDA and an "
                "NVIDIA GPU; install pycolmap-cuda12 in place of pycolmap, or set dense: {method: patchmatch}"
            )
        self._min_consistent = max(min_consistent, MIN_CONSISTENT)

    def densify_clip(
        self,
        model: SparseModel,
        load_view: Callable[[int], View],
        frame_indices: Sequence[int],
        n_neighbours: int,
        n_threads: int,
        progress: Callable[[int, int], None],
    ) -> Iterator[tuple[int, DepthEstimate]]:
        """Depth of every frame of ``frame_indices``, in their order; neighbours are chosen among them.

        A frame that sees too few sparse points, or has no neighbour, gets an empty map. Needs about 50 bytes of temporary
        disk a pixel and frame.

        Args:
            n_threads: of no effect; the GPU does the work.
            progress: called with the frames read back and in all; matching itself says nothing on its way.

        Raises:
            InputError: fewer than two frames, poses that are not finite, or patch match left no map of a frame.
        """
        import pycolmap

        neighbours = choose_sources(model, frame_indices, n_neighbours)

        with scratch_folder() as folder:
            # One figure serves the whole clip: a frame with fewer neighbours than it comes out empty.
            needed = min(self._min_consistent, max((len(others) for others in neighbours.values()), default=0))
            if neighbours:
                write_workspace(folder, model, load_view, neighbours)
                pycolmap.patch_match_stereo(folder, options=patch_match_options(needed))
            for k, frame_index in enumerate(frame_indices, start=1):
                view = load_view(frame_index)
                others = [model.cam_from_world[model.row_of(other)] for other in neighbours.get(frame_index, ())]
                progress(k, len(frame_indices))
                yield frame_index, read_estimate(folder, view, others, needed)


def choose_sources(model: SparseModel, frame_indices: Sequence[int], n_neighbours: int) -> dict[int, list[int]]:
    """Frames to match each frame with, best first, by frame index; frames that cannot be matched are left out.

    Whoever is a source of a frame has that frame for a candidate itself: every source is a key, as COLMAP needs it.
    """
    able = [row for row in map(model.row_of, frame_indices) if can_bound_depth(model, row)]
    chosen = {row: choose_neighbours(model, row, n_neighbours, able) for row in able}
    index = model.frame_indices
    return {int(index[row]): index[others].tolist() for row, others in chosen.items() if len(others)}


def patch_match_options(min_consistent: int) -> pycolmap.PatchMatchOptions:
    """COLMAP's defaults with our figures; its kernels draw from a fixed seed, so there is none to set."""
    import pycolmap

    options = pycolmap.PatchMatchOptions()
    options.geom_consistency = True
    options.filter = True
    options.filter_min_num_consistent = min_consistent
    options.filter_geom_consistency_max_cost = MAX_RETURN_PX
    options.filter_min_triangulation_angle = MIN_TRIANGULATION_ANGLE_DEG
    return options


def image_name(frame_index: int) -> str:
    """Name of a frame's image in the workspace."""
    return f"{frame_index:06d}.png"


def write_workspace(
    folder: Path, model: SparseModel, load_view: Callable[[int], View], neighbours: Mapping[int, Sequence[int]]
) -> None:
    """A COLMAP workspace: ``images``, ``sparse`` with the given poses and points, ``stereo`` with the pairs to match.

    Pixels that may not be matched are painted black: COLMAP's patch match reads no masks, and refuses flat patches.
    """
    import pycolmap

    for name in ("images", "sparse", "stereo/depth_maps", "stereo/normal_maps", "stereo/consistency_graphs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lines = []
    for frame_index, others in neighbours.items():
        view = load_view(frame_index)
        painted = np.where(view.usable[..., None], view.image, np.uint8(0))
        # Not by OpenCV: its PNG writer aborts the process where pycolmap, with another zlib, was imported first.
        path = folder / "images" / image_name(frame_index)
        if not pycolmap.Bitmap.from_array(painted).write(path):
            raise OSError(f"{path}: could not be written")
        lines += [image_name(frame_index), ", ".join(image_name(other) for other in others)]
    (folder / "stereo" / "patch-match.cfg").write_text("\n".join(lines) + "\n")
    to_reconstruction(model, list(neighbours)).write(folder / "sparse")


def to_reconstruction(model: SparseModel, frame_indices: Sequence[int]) -> pycolmap.Reconstruction:
    """The part of ``model`` that these frames see, as COLMAP keeps it; image id = row + 1."""
    import pycolmap

    camera = model.camera
    reconstruction = pycolmap.Reconstruction()
    reconstruction.add_camera_with_trivial_rig(
        pycolmap.Camera(
            camera_id=CAMERA_ID, model="PINHOLE", width=camera.width, height=camera.height,
            params=[camera.fx, camera.fy, camera.cx, camera.cy],
        )
    )  # fmt: skip
    tracks: dict[int, pycolmap.Track] = {}
    for frame_index in frame_indices:
        row = model.row_of(frame_index)
        mine = model.observations[:, 0] == row
        image = pycolmap.Image(
            name=image_name(frame_index), keypoints=model.observation_px[mine], camera_id=CAMERA_ID, image_id=row + 1
        )
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(model.cam_from_world[row, :3]))
        for k, point in enumerate(model.observations[mine, 1].tolist()):
            tracks.setdefault(point, pycolmap.Track()).add_element(row + 1, k)
    for point in sorted(tracks):
        reconstruction.add_point3D(model.points_sfm[point], tracks[point])
    return reconstruction


def read_estimate(
    folder: Path, view: View, neighbour_poses: Sequence[Float[np.ndarray, "4 4"]], min_consistent: int
) -> DepthEstimate:
    """What patch match left of one view; nothing where it ran on no neighbours.

    ``n_consistent`` is the least number of neighbours that let a pixel pass: COLMAP does not count on.

    Raises:
        InputError: patch match wrote no map for a view that it should have matched.
    """
    if not neighbour_poses:
        return empty_estimate(view.camera.height, view.camera.width)
    depth = _read_map(folder, "depth_maps", "geometric", view.frame_index)
    normal = _read_map(folder, "normal_maps", "geometric", view.frame_index)
    hypothesis = _read_map(folder, "depth_maps", "photometric", view.frame_index)
    sigma = stated_sigma(view.camera, depth, view.cam_from_world, neighbour_poses)
    kept = (depth > 0) & _clear_of_masks(view.usable) & np.isfinite(sigma)
    return DepthEstimate(
        z_depth_sfm=np.where(kept, depth, np.nan).astype(np.float32),
        sigma_sfm=np.where(kept, sigma, np.nan).astype(np.float32),
        normal_cam=np.where(kept[..., None], normal, np.nan).astype(np.float32),
        hypothesis_sfm=np.where((hypothesis > 0) & view.usable, hypothesis, np.nan).astype(np.float32),
        n_consistent=np.where(kept, min_consistent, 0).astype(np.uint8),
        # COLMAP's filters say no more than yes or no.
        outlier=np.where(kept, 0.0, np.nan).astype(np.float32),
        inferred_sfm=np.full(kept.shape, np.nan, dtype=np.float32),
    )


def _read_map(folder: Path, kind: str, stage: str, frame_index: int) -> np.ndarray:
    import pycolmap

    path = folder / "stereo" / kind / f"{image_name(frame_index)}.{stage}.bin"
    if not path.is_file():
        raise InputError(
            f"dense: COLMAP's patch match left no {stage} map of frame {frame_index}; its log above says why"
        )
    found = pycolmap.DepthMap() if kind == "depth_maps" else pycolmap.NormalMap()
    found.read(path)
    return found.to_array()


def _clear_of_masks(usable: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where a whole patch lies on usable pixels: the outline of the black paint matches like texture."""
    import pycolmap

    reach = 2 * pycolmap.PatchMatchOptions().window_radius + 1
    return cv2.erode(usable.astype(np.uint8), np.ones((reach, reach), np.uint8), borderValue=1) > 0


def stated_sigma(
    camera: PinholeCamera,
    z_depth: Float[np.ndarray, "h w"],
    cam_from_world: Float[np.ndarray, "4 4"],
    neighbour_poses: Sequence[Float[np.ndarray, "4 4"]],
) -> Float[np.ndarray, "h w"]:
    """Depth difference that moves a pixel by :data:`MAX_RETURN_PX` in the neighbour where it moves most; inf if unseen.

    Geometry alone and not calibrated: a bound that COLMAP's filter enforces, taken for one standard deviation. The true
    error is mostly smaller.
    """
    pixels = pixel_grid(camera.width, camera.height)
    known = np.where(z_depth > 0, z_depth, np.nan).astype(np.float64)
    most = np.zeros(z_depth.shape)
    for pose in neighbour_poses:
        relative = pose @ inverse_rigid(cam_from_world)
        here, beyond = (
            project(camera, transform_points(relative, unproject(camera, pixels, known * factor)))
            for factor in (1.0, 1.0 + _PROBE_REL)
        )
        with np.errstate(invalid="ignore"):
            seen = ((here >= 0) & (here < [camera.width, camera.height])).all(axis=-1)
            moved = np.linalg.norm(beyond - here, axis=-1)
            most = np.where(seen & (moved > most), moved, most)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(most > 0, known * _PROBE_REL * MAX_RETURN_PX / most, np.inf)


PLUGIN = Colmap
