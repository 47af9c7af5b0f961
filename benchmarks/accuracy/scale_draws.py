"""Simulated clips of known scale, one draw after another, for every cue of metric scale.

Each function draws one clip and gives the error of log scale and the stated sigma. What a draw scatters in is what the cue
says that its sigma holds: pixel noise, stated lengths, people's statures and proportions, sensor noise that lasts, ways to
hold a camera, a network's spread from clip to clip.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from sfm_gt import registry
from sfm_gt.formats.joints import SIDES
from sfm_gt.formats.sidecar import (
    Fiducials,
    KnownDistance,
    People,
    Positions,
    ScaleEvidence,
    Stature,
)
from sfm_gt.geometry.camera import pixel_grid, project
from sfm_gt.geometry.transforms import inverse_rigid, scale_world, transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.scale.camera_height import HAND_HELD_M
from sfm_gt.scale.fiducials import SIGMA_BLEED_PX
from sfm_gt.scale.shared import anthropometry
from sfm_gt.scale.shared.estimate import Evidence, NetworkEvidence, ScaleEstimate

CAMERA = PinholeCamera(640, 480, 540.0, 540.0, 320.0, 240.0)
METRIC_FROM_SFM = 0.25
FPS = 30.0
NO_POINTS = (np.zeros((0, 3)), np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2)))

Draw = Callable[[np.random.Generator], tuple[float, float]]


def looking(centre_m: np.ndarray, target_m: np.ndarray, roll_rad: float = 0.0) -> np.ndarray:
    """``cam_from_world`` (4, 4) of a camera at ``centre_m`` that looks at ``target_m``; the world's +y points down."""
    forward = (target_m - centre_m) / np.linalg.norm(target_m - centre_m)
    down = np.array([np.sin(roll_rad), np.cos(roll_rad), 0.0])
    right = np.cross(down, forward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ centre_m
    return pose


def walk(rng: np.random.Generator, n_frames: int, target_m: np.ndarray, distance_m: float, span_m: float) -> np.ndarray:
    """Metric poses (N, 4, 4) of a camera that passes by with a hand's sway, always facing the target."""
    along = np.linspace(-0.5, 0.5, n_frames) * span_m
    sway = 0.03 * np.stack([np.sin(np.linspace(0, rng.uniform(6, 20), n_frames) + rng.uniform(0, 6)) for _ in range(2)])
    centres = np.stack([along, sway[0] + rng.uniform(-0.3, 0.3), sway[1] - distance_m], axis=1) + target_m
    return np.array([looking(centre, target_m, rng.normal(scale=0.03)) for centre in centres])


def model_of(poses_m: np.ndarray, points_m: np.ndarray | None = None) -> SparseModel:
    """The sparse model in SfM units that true poses would give, observations of points included."""
    poses = scale_world(poses_m, 1.0 / METRIC_FROM_SFM)
    frames = np.arange(len(poses))
    if points_m is None:
        return SparseModel(CAMERA, frames, poses, *NO_POINTS)
    points = points_m / METRIC_FROM_SFM
    observations = np.stack(np.meshgrid(frames, np.arange(len(points)), indexing="ij"), axis=-1).reshape(-1, 2)
    px = np.concatenate([project(CAMERA, transform_points(pose, points)) for pose in poses])
    return SparseModel(CAMERA, frames, poses, points, observations, px)


def evidence_of(model: SparseModel, stated: ScaleEvidence, **more: object) -> Evidence:
    """Evidence on undistorted frames at 30 frames a second."""
    times = {int(frame): int(frame) / FPS for frame in model.frame_indices}
    given = {"sidecar": None, "load_gray": lambda frame: np.zeros((480, 640), np.uint8)} | more
    return Evidence(model, stated, timestamps_s=times, undistorted_px=lambda index, source_px: source_px, **given)


def _asked(cue: str, evidence: Evidence) -> tuple[float, float]:
    found: ScaleEstimate = registry.load("scale", cue)().estimate(evidence)
    return found.log_scale - np.log(METRIC_FROM_SFM), found.sigma_log_scale


# --- rulers and boards: frames are rendered, so that the real detector and the real matching run ---


def _noise_texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Texture at several scales, 0 to 255."""
    layers = [cv2.resize(rng.normal(size=(height // k + 2, width // k + 2)), (width, height)) for k in (2, 5, 13, 40)]
    texture = sum(layers)
    return np.clip(128 + 45 * texture / texture.std(), 0, 255).astype(np.uint8)


def render_plane(
    texture: np.ndarray, px_per_m: float, poses_m: np.ndarray, rng: np.random.Generator, blur_px: float
) -> list[np.ndarray]:
    """Frames of the plane z = 0 that bears ``texture``, its middle at the origin, with blur and grey noise."""
    height, width = texture.shape
    metres_from_px = np.array(
        [[1 / px_per_m, 0, -width / 2 / px_per_m], [0, 1 / px_per_m, -height / 2 / px_per_m], [0, 0, 1]]
    )
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixel centres are integers, ours lie at +0.5
    frames = []
    for pose in poses_m:
        image_from_plane = CAMERA.matrix @ pose[:3, [0, 1, 3]]
        warp = np.linalg.inv(half) @ image_from_plane @ metres_from_px @ half
        image = cv2.warpPerspective(texture, warp, (CAMERA.width, CAMERA.height), flags=cv2.INTER_AREA, borderValue=90)
        image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), blur_px)
        frames.append(np.clip(image + 2.0 * rng.standard_normal(image.shape, np.float32), 0, 255).astype(np.uint8))
    return frames


def known_distance(rng: np.random.Generator) -> tuple[float, float]:
    """A slanted textured wall, two marked spots on it, the distance between them stated with its error."""
    texture = _noise_texture(rng, 1000, 1400)
    poses = walk(rng, 16, np.zeros(3), rng.uniform(1.5, 3.0), rng.uniform(0.4, 1.2))
    turn = cv2.Rodrigues(np.array([0.0, rng.uniform(-0.5, 0.5), 0.0]))[0]
    tilted = np.eye(4)
    tilted[:3, :3] = turn
    frames = render_plane(texture, 350.0, poses @ tilted, rng, 0.7)
    ends_m = np.stack(
        [rng.uniform([-0.6, -0.4, 0], [-0.15, 0.4, 1e-9]), rng.uniform([0.15, -0.4, 0], [0.6, 0.4, 1e-9])]
    )
    ends_m = ends_m @ turn.T
    wall = np.concatenate(
        [rng.uniform(-0.8, 0.8, (200, 1)), rng.uniform(-0.6, 0.6, (200, 1)), np.zeros((200, 1))], axis=1
    )
    model = model_of(poses, wall @ turn.T)
    length = float(np.linalg.norm(ends_m[0] - ends_m[1]))
    sigma_m = 0.003
    seen = project(CAMERA, transform_points(poses[8], ends_m)) + rng.normal(scale=0.5, size=(2, 2))
    stated = KnownDistance(
        metres=length + rng.normal(scale=sigma_m),
        sigma_m=sigma_m,
        frame_index=8,
        point_a=tuple(seen[0]),
        point_b=tuple(seen[1]),
    )
    return _asked(
        "known_distance", evidence_of(model, ScaleEvidence(known_distance=(stated,)), load_gray=frames.__getitem__)
    )


def _board(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, float]:
    """A board's texture and its pixels per tag edge."""
    name, border = ("DICT_4X4_50", 1) if kind == "aruco" else ("DICT_APRILTAG_36H11", 1 if kind == "apriltag" else 2)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    edge = 120
    columns, rows = 4, 3
    gap = edge // 2 if kind != "aprilgrid" else int(0.3 * edge)
    board = np.full((rows * (edge + gap) + gap, columns * (edge + gap) + gap), 235, np.uint8)
    for number in range(rows * columns):
        y, x = (gap + (edge + gap) * np.array(divmod(number, columns))).tolist()
        board[y : y + edge, x : x + edge] = 20 + 0.8 * cv2.aruco.generateImageMarker(
            dictionary, number, edge, borderBits=border
        )
    return board, float(edge)


def fiducials(rng: np.random.Generator, kind: str | None = None) -> tuple[float, float]:
    """A board of twelve tags at one to two metres; the printed size is stated with its error."""
    kind = kind or str(rng.choice(["aruco", "apriltag", "aprilgrid"]))
    board, edge_px = _board(rng, kind)
    size_m, sigma_m = rng.uniform(0.05, 0.12), 0.0003
    distance_m = size_m * rng.uniform(9.0, 13.0)
    poses = walk(rng, 8, np.zeros(3), distance_m, distance_m * rng.uniform(0.3, 0.8))
    frames = render_plane(board, edge_px / size_m, poses, rng, rng.uniform(0.5, 1.0))
    # Glare that moves the edges acts like another size.
    glare_m = rng.normal(scale=2**0.5 * SIGMA_BLEED_PX) * distance_m / CAMERA.fx
    stated = Fiducials(kind=kind, size_m=size_m + rng.normal(scale=sigma_m) + glare_m, sigma_m=sigma_m)
    return _asked(
        "fiducials", evidence_of(model_of(poses), ScaleEvidence(fiducials=(stated,)), load_gray=frames.__getitem__)
    )


# --- trajectories ---


def lasting_noise(rng: np.random.Generator, times_s: np.ndarray, sigma: float, correlation_s: float) -> np.ndarray:
    """(N, 3) noise whose covariance falls off as exp(-|dt| / correlation)."""
    covariance = sigma**2 * np.exp(-np.abs(times_s[:, None] - times_s) / correlation_s)
    return np.linalg.cholesky(covariance + 1e-12 * np.eye(len(times_s))) @ rng.normal(size=(len(times_s), 3))


def _positions(
    rng: np.random.Generator, sigma_m: float, correlation_s: float, span_m: float, rate_hz: float
) -> tuple[float, float]:
    n_frames = 300
    along = np.linspace(0, 1, n_frames)
    centres = np.stack(
        [span_m * along, 0.1 * np.sin(9 * along), span_m * rng.uniform(0.1, 0.4) * np.sin(rng.uniform(2, 5) * along)],
        axis=1,
    )
    poses = np.array([looking(centre, centre + np.array([0.0, 0.0, 3.0])) for centre in centres])
    frames = np.unique(np.linspace(0, n_frames - 1, int(n_frames / FPS * rate_hz)).round().astype(int))
    times = frames / FPS
    seen = centres[frames] + lasting_noise(rng, times, sigma_m, correlation_s)
    wild = rng.random(len(seen)) < 0.03
    seen[wild] += rng.normal(scale=20 * sigma_m, size=(int(wild.sum()), 3))
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(
            Path(folder) / "track.csv",
            np.column_stack([times, seen]),
            delimiter=",",
            header="timestamp_s,x_m,y_m,z_m",
            comments="",
        )
        stated = Positions(file="track.csv", sigma_m=sigma_m, correlation_time_s=correlation_s)
        sidecar = Path(folder) / "clip.yaml"
        return _asked("positions", evidence_of(model_of(poses), ScaleEvidence(positions=(stated,)), sidecar=sidecar))


def trajectory(rng: np.random.Generator) -> tuple[float, float]:
    """A tracker of 1 cm whose errors last half a second, three metres of path in ten seconds, 3 % gross errors."""
    return _positions(rng, 0.01, 0.5, 3.0, 10.0)


def gps(rng: np.random.Generator) -> tuple[float, float]:
    """GPS of 1.5 m whose errors last ten seconds, 60 m of path."""
    return _positions(rng, 1.5, 10.0, 60.0, 2.0)


# --- people ---


def skeleton_m(rng: np.random.Generator, stature_m: float, child: bool, seated: bool) -> dict[str, np.ndarray]:
    """Joints in metres about the middle of the hips (+y down), with proportions drawn from the published covariance."""
    adult, spread = anthropometry.proportions(anthropometry.POINTED_JOINT_M)
    drawn = rng.multivariate_normal(adult + (anthropometry.CHILD_SHIFT if child else 0.0), spread)
    length = dict(zip(anthropometry.SEGMENTS, stature_m * np.exp(drawn), strict=True))
    up, ahead = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0])
    shoulders, ears = length["trunk"] * up, (length["trunk"] + length["neck"]) * up
    thigh = 0.9 * ahead + 0.436 * -up if seated else -up + 0.05 * rng.normal(size=3)
    joints = {}
    for side, name in zip((-1.0, 1.0), SIDES, strict=True):
        out = np.array([side, 0.0, 0.0])
        joints[f"{name}_ear"] = ears + 0.5 * length["head"] * out
        joints[f"{name}_shoulder"] = shoulders + 0.5 * length["shoulders"] * out
        upper = _unit(-up + 0.4 * out + 0.3 * rng.normal(size=3))
        joints[f"{name}_elbow"] = joints[f"{name}_shoulder"] + length["upper_arm"] * upper
        joints[f"{name}_wrist"] = joints[f"{name}_elbow"] + length["forearm"] * _unit(upper + 0.8 * rng.normal(size=3))
        joints[f"{name}_hip"] = 0.1 * stature_m * 0.5 * out
        joints[f"{name}_knee"] = joints[f"{name}_hip"] + length["thigh"] * _unit(thigh)
        joints[f"{name}_ankle"] = joints[f"{name}_knee"] + length["shank"] * _unit(-up + 0.1 * rng.normal(size=3))
    return joints


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def stature_of_adult(rng: np.random.Generator, country: float) -> float:
    """Metres: a country's offset, men and women alike often, the rest within a sex."""
    sex = np.log(1.712 / 1.59) * (rng.random() < 0.5) + np.log(1.59)
    return float(np.exp(sex + country + rng.normal(scale=0.04)))


def people(
    rng: np.random.Generator,
    n_people: int,
    stated: bool = False,
    child: bool = False,
    seated: bool = False,
    cropped: bool = False,
) -> tuple[float, float]:
    """People before a camera that passes; joints with noise and gross errors, in a file."""
    country = rng.normal(scale=anthropometry.SIGMA_POPULATION)
    poses = walk(rng, 20, np.zeros(3), rng.uniform(2.5, 4.0), rng.uniform(1.0, 2.0))
    rows, statures = ["frame_index,person,joint,x,y"], []
    definition = np.exp(rng.normal(scale=anthropometry.SIGMA_SHARED))
    for number in range(n_people):
        stature = (
            float(np.exp(rng.normal(anthropometry.CHILD_STATURE.log_m, anthropometry.CHILD_STATURE.sigma)))
            if child
            else stature_of_adult(rng, country)
        )
        place = np.array([(number - 0.5 * (n_people - 1)) * 0.9, 0.0, rng.uniform(-0.4, 0.4)])
        skeleton = skeleton_m(rng, stature * definition, child, seated)
        for joint, position in skeleton.items():
            if cropped and joint.split("_")[1] in ("hip", "knee", "ankle"):
                continue
            for frame, pose in enumerate(poses):
                px = project(CAMERA, transform_points(pose, (position + place)[None]))[0]
                px = px + rng.normal(scale=1.5, size=2) * (20.0 if rng.random() < 0.03 else 1.0)
                rows.append(f"{frame},p{number},{joint},{max(px[0], 0):.3f},{max(px[1], 0):.3f}")
        statures.append(
            Stature(
                person=f"p{number}", stature_m=float(np.clip(stature + rng.normal(scale=0.01), 0.4, 2.5)), sigma_m=0.01
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "joints.csv").write_text("\n".join(rows))
        evidence = ScaleEvidence(people=People(joints="joints.csv", statures=tuple(statures) if stated else ()))
        return _asked("people", evidence_of(model_of(poses), evidence, sidecar=Path(folder) / "clip.yaml"))


# --- dense depth ---


def room_depth(poses: np.ndarray, height_m: float, rng: np.random.Generator) -> dict[int, np.ndarray]:
    """Dense depth in SfM units of a floor, a far wall and a box, with noise, on a tenth of the pixels."""
    wall_m, box = rng.uniform(4.0, 7.0), rng.uniform([-1.0, 2.5], [1.0, 3.5])
    grid = (pixel_grid(64, 48) * 10.0).reshape(-1, 2)
    rays = np.column_stack([(grid - [CAMERA.cx, CAMERA.cy]) / CAMERA.fx, np.ones(len(grid))])
    found = {}
    for frame, pose in enumerate(poses):
        back = inverse_rigid(pose)
        direction, origin = rays @ back[:3, :3].T, back[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = (height_m - origin[1]) / direction[:, 1]
            wall = (wall_m - origin[2]) / direction[:, 2]
            front = (box[1] - origin[2]) / direction[:, 2]
        hit = origin + front[:, None] * direction
        in_box = (np.abs(hit[:, 0] - box[0]) < 0.5) & (hit[:, 1] > height_m - 0.8) & (hit[:, 1] < height_m)
        depth = np.minimum(np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf))
        depth = np.where(in_box & (front > 0), np.minimum(front, depth), depth)
        depth = depth * (1 + rng.normal(scale=0.005, size=depth.shape)) / METRIC_FROM_SFM
        depth[rng.random(depth.shape) < 0.3] = np.nan
        full = np.full((480, 640), np.nan, dtype=np.float32)
        full[5::10, 5::10] = depth.reshape(48, 64)
        found[frame] = full
    return found


def carried(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    """Poses of a camera carried through a room at y = 0, looking a little down."""
    along = np.linspace(0, 1, n_frames)
    centres = np.stack([1.5 * along - 0.7, 0.03 * np.sin(12 * along), 0.3 * along], axis=1)
    pitch = rng.uniform(0.05, 0.35)
    return np.array(
        [
            looking(centre, centre + np.array([rng.normal(scale=0.02), pitch, 1.0]), rng.normal(scale=0.05))
            for centre in centres
        ]
    )


def camera_height(rng: np.random.Generator) -> tuple[float, float]:
    """A camera in hands between chest and eye of a person of unknown stature, now and then raised or lowered."""
    stature = stature_of_adult(rng, rng.normal(scale=anthropometry.SIGMA_POPULATION))
    height_m = HAND_HELD_M / 1.65 * stature * float(np.exp(rng.normal(scale=0.19)))
    poses = carried(rng, 10)
    depth = room_depth(poses, height_m, rng)
    return _asked(
        "camera_height",
        evidence_of(model_of(poses), ScaleEvidence(), depth_frames=tuple(depth), load_depth_sfm=depth.__getitem__),
    )


def metric_network(rng: np.random.Generator) -> tuple[float, float]:
    """A network that is off by its published spread on the clip, by more on single frames, and warped within each."""
    spread = 0.12
    poses = carried(rng, 10)
    depth = room_depth(poses, 1.5, rng)
    bias = rng.normal(scale=spread)

    def predict(frame: int) -> np.ndarray:
        ramp = np.linspace(-0.1, 0.1, 640)[None] * rng.normal()
        return depth[frame] * METRIC_FROM_SFM * np.exp(bias + rng.normal(scale=0.05) + ramp)

    network = NetworkEvidence("simulated", None, spread, "the simulation", predict)
    return _asked(
        "metric_network",
        evidence_of(
            model_of(poses),
            ScaleEvidence(),
            depth_frames=tuple(depth),
            load_depth_sfm=depth.__getitem__,
            network=network,
        ),
    )


DRAWS: dict[str, Draw] = {
    "known_distance": known_distance,
    "fiducials": fiducials,
    "trajectory": trajectory,
    "gps": gps,
    "people_one_adult": lambda rng: people(rng, 1),
    "people_three_adults": lambda rng: people(rng, 3),
    "people_stated_stature": lambda rng: people(rng, 1, stated=True),
    "people_seated": lambda rng: people(rng, 1, seated=True),
    "people_cropped": lambda rng: people(rng, 1, cropped=True),
    "people_one_child": lambda rng: people(rng, 1, child=True),
    "camera_height": camera_height,
    "metric_network": metric_network,
}
