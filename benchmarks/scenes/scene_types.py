"""What a scene is made of, as plain data: no renderer, no body model.

World frame: metres, +z up, the floor at z = 0, the camera looks roughly along +y. Angles in degrees here, because
people write them; everything downstream is in radians. A new scene is a new module in ``catalogue/``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Rgb = tuple[float, float, float]
Vec3 = tuple[float, float, float]
# bone name -> rotation vector in degrees about the body's own axes at rest (+x its left, -y ahead, +z up)
Pose = dict[str, Vec3]
# what the label pass says of every rod; people count from 1
THIN_LABEL = 255


@dataclass(frozen=True)
class Cloth:
    """A procedural surface: two colours in a pattern of period ``size_m``, with grain of ``grain_m``.

    ``grain_contrast`` 0 leaves the bare pattern: plaster and paint, where matching has little to hold. ``gloss`` is the
    share of the light that is mirrored, slightly blurred: lacquer and polish; 0 is matt.
    """

    pattern: str
    rgb_a: Rgb
    rgb_b: Rgb
    size_m: float
    grain_m: float = 0.035
    seed: int = 0
    grain_contrast: float = 1.0
    gloss: float = 0.0


@dataclass(frozen=True)
class Box:
    """A box: centre, edge lengths along its own x, y, z; leant by ``lean_deg`` about its x, then turned upright."""

    name: str
    centre_m: Vec3
    size_m: Vec3
    cloth: Cloth
    yaw_deg: float = 0.0
    lean_deg: float = 0.0


@dataclass(frozen=True)
class Panel:
    """A rectangle, width x height. ``wall_yaw_deg`` None lies on the floor; 0 is a wall that faces -y.

    ``lean_deg`` tips it back: a picture on an easel, a board against a wall, a ramp on the floor. ``curve_radius_m``
    bends it about its upright axis: hollow to the front where positive, bulging where negative; the width is the arc's.
    """

    name: str
    centre_m: Vec3
    size_m: tuple[float, float]
    cloth: Cloth
    wall_yaw_deg: float | None = None
    lean_deg: float = 0.0
    curve_radius_m: float | None = None


@dataclass(frozen=True)
class Ball:
    """A sphere."""

    name: str
    centre_m: Vec3
    radius_m: float
    cloth: Cloth


@dataclass(frozen=True)
class Rod:
    """A round bar along a line of points: a pole, a leg, a hanging wire. Every rod is in the ``thin`` label."""

    name: str
    points_m: tuple[Vec3, ...]
    radius_m: float
    cloth: Cloth


Thing = Box | Panel | Ball | Rod


@dataclass(frozen=True)
class Lamp:
    """A square soft light that the camera does not see, at ``place_m``, facing ``aim_m``."""

    place_m: Vec3
    aim_m: Vec3
    edge_m: float
    watts: float
    rgb: Rgb = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Lighting:
    """Daylight all around, ``ambient`` strong (an indoor panorama), and lamps."""

    ambient: float
    lamps: tuple[Lamp, ...]


@dataclass(frozen=True)
class Outfit:
    """What covers which part of the body. Bare forearms unless ``long_sleeves``."""

    shirt: Cloth
    trousers: Cloth
    shoes: Cloth
    skin: Cloth
    hair: Cloth
    long_sleeves: bool = True


@dataclass(frozen=True)
class MotionKey:
    """At ``frame_index`` the figure is off its frozen pose by these rotations (added) and this shift (world, m)."""

    frame_index: int
    turn_deg: Pose = field(default_factory=dict)
    shift_m: Vec3 = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Person:
    """One figure. ``stature_m`` is heel to crown, upright; heading 0 faces the camera (-y), positive turns left."""

    person_id: int
    name: str
    stature_m: float
    phenotype: dict[str, float]
    position_m: tuple[float, float]
    heading_deg: float
    pose: Pose
    outfit: Outfit
    motion: tuple[MotionKey, ...] = ()


@dataclass(frozen=True)
class CameraPath:
    """A walk along a slight arc, eyes on ``target_m``, with the small sway of a hand. Pinhole, no distortion.

    Where ``target_end_m`` is given, the eyes wander there: a pan, and a pure rotation where the walk has no length.

    ``centre_px`` is the principal point where it is not the middle of the picture, as in one cropped from a wider one.
    With ``breathing`` the focal length swings by that share of ``focal_px`` to either side, ``breathing_cycles`` times.
    A ``fisheye`` is equidistant: a ray at angle theta from the axis falls ``focal_px`` * theta from the principal point.
    """

    width: int
    height: int
    focal_px: float
    start_m: Vec3
    end_m: Vec3
    bow_m: float
    target_m: Vec3
    sway_m: float
    sway_deg: float
    target_end_m: Vec3 | None = None
    centre_px: tuple[float, float] | None = None
    breathing: float = 0.0
    breathing_cycles: float = 1.0
    fisheye: bool = False


@dataclass(frozen=True)
class Overlay:
    """A caption burnt in by the encoder: text, centre column (fraction of the width), baseline row (of the height).

    It is shown in ``shown_frames`` (first and last; None: all) and drifts by ``drift_px`` a frame, in whole pixels.
    """

    text: str
    centre_x: float
    baseline_y: float
    font_scale: float
    shown_frames: tuple[int, int] | None = None
    drift_px: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class KnownDistance:
    """A length that a person could have measured: two surface points near the world anchors, seen in one frame.

    Both lie on person ``person_id``, or on the room where it is 0. The frame must be one with a depth map.
    """

    frame_index: int
    anchor_a_m: Vec3
    anchor_b_m: Vec3
    person_id: int
    sigma_m: float
    label: str


@dataclass(frozen=True)
class Scene:
    """All of it. Every frame gets its moving mask.

    Every ``depth_every``-th frame gets depth and label maps; with 0 there is no depth and every frame has its labels. Depth
    is kept in steps of ``depth_unit_m``.
    """

    name: str
    seed: int
    n_frames: int
    fps: int
    depth_every: int
    camera: CameraPath
    room: tuple[Thing, ...]
    lighting: Lighting
    people: tuple[Person, ...]
    known_distances: tuple[KnownDistance, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    crf: int = 16
    depth_unit_m: float = 0.00025
