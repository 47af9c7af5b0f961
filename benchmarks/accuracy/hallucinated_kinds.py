"""The kinds of clips on which nothing may be accepted.

None films one rigid scene with depth under a camera that moves; what structure from motion or a network reads into them is
made up. What only looks odd is left out: a take in any order, backwards or seen in a mirror throughout is a rigid scene.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.accuracy.hallucinated_clips import (
    HEIGHT,
    N_FRAMES,
    WIDTH,
    Frame,
    Generator,
    Sources,
    at_night,
    dead_leaves,
    filmed,
    lattice,
    noise,
    page,
    plane_path,
    smooth_path,
    steady_path,
    translated,
    turning_path,
    warped,
    with_sensor_noise,
)

Rng = np.random.Generator


# Noise.


def noise_still(rng: Rng, sources: Sources) -> list[Frame]:
    return with_sensor_noise(rng, [noise(rng)] * N_FRAMES)


def noise_by_frame(rng: Rng, sources: Sources) -> list[Frame]:
    return [noise(rng) for _ in range(N_FRAMES)]


def noise_moving(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = noise(rng, 2 * HEIGHT, 2 * WIDTH)
    return filmed(sheet, translated(smooth_path(rng, 2) * [60, 40], sheet, zoom=1.0))


def noise_boiling(rng: Rng, sources: Sources) -> list[Frame]:
    """Cloudy noise that changes smoothly from frame to frame."""
    cells = rng.normal(size=(N_FRAMES + 8, HEIGHT // 4, WIDTH // 4, 3)).astype(np.float32)
    calm = [cells[k : k + 8].sum(axis=0) for k in range(N_FRAMES)]
    return [np.clip(128 + 20 * cv2.resize(each, (WIDTH, HEIGHT)), 0, 255).astype(np.uint8) for each in calm]


def leaves_by_frame(rng: Rng, sources: Sources) -> list[Frame]:
    return [dead_leaves(rng) for _ in range(N_FRAMES)]


def leaves_drifting(rng: Rng, sources: Sources) -> list[Frame]:
    """Patches of texture, each on a way of its own."""
    n_leaves = 120
    where, speed = rng.uniform(0, [WIDTH, HEIGHT], (n_leaves, 2)), rng.normal(0, 1.5, (n_leaves, 2))
    patches = [dead_leaves(rng, 48, 48, 80) for _ in range(n_leaves)]
    frames = []
    for k in range(N_FRAMES):
        picture = np.full((HEIGHT + 96, WIDTH + 96, 3), 90, np.uint8)
        for patch, (x, y) in zip(patches, where + k * speed, strict=True):
            left, top = int(x) % (WIDTH + 48), int(y) % (HEIGHT + 48)
            picture[top : top + 48, left : left + 48] = patch
        frames.append(picture[48:-48, 48:-48])
    return frames


# Takes of different scenes in one clip.


def two_takes_in_turn(rng: Rng, sources: Sources) -> list[Frame]:
    takes = sources.draw(rng, 2)
    return [takes[k % 2][k] for k in range(N_FRAMES)]


def three_takes_in_turn(rng: Rng, sources: Sources) -> list[Frame]:
    takes = sources.draw(rng, 3)
    return [takes[k % 3][k] for k in range(N_FRAMES)]


def every_third_from_elsewhere(rng: Rng, sources: Sources) -> list[Frame]:
    take, *others = sources.draw(rng, 3)
    return [
        others[int(rng.integers(2))][int(rng.integers(N_FRAMES))] if k % 3 == 2 else take[k] for k in range(N_FRAMES)
    ]


def night_takes_in_turn(rng: Rng, sources: Sources) -> list[Frame]:
    """At night, when a detector of cuts by colour sees none."""
    return [at_night(each) for each in two_takes_in_turn(rng, sources)]


def every_third_from_elsewhere_at_night(rng: Rng, sources: Sources) -> list[Frame]:
    return [at_night(each) for each in every_third_from_elsewhere(rng, sources)]


def stills_in_any_order(rng: Rng, sources: Sources) -> list[Frame]:
    takes = sources.draw(rng, 3)
    return [takes[int(rng.integers(3))][int(rng.integers(N_FRAMES))] for _ in range(N_FRAMES)]


def two_takes_blended(rng: Rng, sources: Sources) -> list[Frame]:
    """Double exposure from end to end."""
    first, second = sources.draw(rng, 2)
    return [cv2.addWeighted(a, 0.5, b, 0.5, 0) for a, b in zip(first, second, strict=True)]


def split_screen(rng: Rng, sources: Sources) -> list[Frame]:
    first, second = sources.draw(rng, 2)
    half = WIDTH // 4
    return [np.hstack([a[:, half:-half], b[:, half:-half]]) for a, b in zip(first, second, strict=True)]


def four_screens(rng: Rng, sources: Sources) -> list[Frame]:
    small = [[cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for each in take]
             for take in sources.draw(rng, 4 if len(sources.takes) > 3 else 3)]  # fmt: skip
    small += small[: 4 - len(small)]
    return [np.vstack([np.hstack([small[0][k], small[1][k]]), np.hstack([small[2][k], small[3][-1 - k]])])
            for k in range(N_FRAMES)]  # fmt: skip


# Mirrors.


def mirrored_sideways(rng: Rng, sources: Sources) -> list[Frame]:
    (take,) = sources.draw(rng, 1)
    return [np.hstack([each[:, : WIDTH // 2], each[:, : WIDTH // 2][:, ::-1]]) for each in take]


def mirrored_down(rng: Rng, sources: Sources) -> list[Frame]:
    (take,) = sources.draw(rng, 1)
    return [np.vstack([each[: HEIGHT // 2], each[: HEIGHT // 2][::-1]]) for each in take]


def kaleidoscope(rng: Rng, sources: Sources) -> list[Frame]:
    (take,) = sources.draw(rng, 1)
    halves = [np.hstack([each[:, : WIDTH // 2], each[:, : WIDTH // 2][:, ::-1]])[: HEIGHT // 2] for each in take]
    return [np.vstack([each, each[::-1]]) for each in halves]


def flipped_in_turn(rng: Rng, sources: Sources) -> list[Frame]:
    """Every second frame is seen in a mirror."""
    (take,) = sources.draw(rng, 1)
    return [each[:, ::-1] if k % 2 else each for k, each in enumerate(take)]


# One texture all over.


def tiles_moving(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = lattice(rng, 2 * HEIGHT, 2 * WIDTH)
    return filmed(sheet, translated(steady_path(rng, 2) * [60, 30], sheet, zoom=1.0))


def tiles_jumping(rng: Rng, sources: Sources) -> list[Frame]:
    """Moved by random amounts of up to some tiles, which nobody can tell from less."""
    sheet = lattice(rng, 2 * HEIGHT, 2 * WIDTH)
    return filmed(sheet, translated(rng.uniform(-80, 80, (N_FRAMES, 2)), sheet, zoom=1.0))


def tiles_filmed(rng: Rng, sources: Sources) -> list[Frame]:
    """A wall of tiles under a hand-held camera."""
    sheet = lattice(rng, 2 * HEIGHT, 2 * WIDTH)
    return with_sensor_noise(rng, filmed(sheet, plane_path(rng, sheet)))


def tiles_in_layers(rng: Rng, sources: Sources) -> list[Frame]:
    """Three sheets of one tile, each on a way of its own, seen through holes in one another."""
    sheet, frames = lattice(rng, 2 * HEIGHT, 2 * WIDTH), []
    holes = [cv2.resize(rng.integers(0, 2, (6, 8), dtype=np.uint8), (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_NEAREST)
             for _ in range(2)]  # fmt: skip
    layers = [filmed(sheet, translated(smooth_path(rng, 2) * 40, sheet, zoom=1.0)) for _ in range(3)]
    shapes = [filmed(np.repeat(hole[..., None], 3, axis=2), translated(smooth_path(rng, 2) * 40, sheet, zoom=1.0))
              for hole in holes]  # fmt: skip
    for k in range(N_FRAMES):
        picture = layers[0][k]
        for layer, shape in zip(layers[1:], shapes, strict=True):
            picture = np.where(shape[k] > 0, layer[k], picture)
        frames.append(picture)
    return frames


# Flat pages and photographs.


def photograph_panned(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = sources.photograph(rng)
    return filmed(sheet, translated(steady_path(rng, 2) * [60, 40], sheet))


def photograph_zoomed(rng: Rng, sources: Sources) -> list[Frame]:
    """Ken Burns: a slow move and zoom over a photograph."""
    sheet, (end,) = sources.photograph(rng), rng.uniform(0.8, 1.4, 1)
    zooms = np.linspace(0.55, float(end), N_FRAMES)
    shifts = steady_path(rng, 2) * [25, 15]
    return filmed(
        sheet, [translated(shift[None], sheet, float(zoom))[0] for zoom, shift in zip(zooms, shifts, strict=True)]
    )


def photograph_filmed(rng: Rng, sources: Sources) -> list[Frame]:
    """A poster under a hand-held camera."""
    sheet = sources.photograph(rng)
    return with_sensor_noise(rng, filmed(sheet, plane_path(rng, sheet)))


def photographs_dissolving(rng: Rng, sources: Sources) -> list[Frame]:
    """A slide show that is never without two pictures at once, each zoomed."""
    parts = [photograph_zoomed(rng, sources) for _ in range(3)]
    weights = np.linspace(0, 2, N_FRAMES)
    return [
        cv2.addWeighted(parts[int(w)][k], 1 - w % 1, parts[min(int(w) + 1, 2)][k], w % 1, 0)
        for k, w in enumerate(weights)
    ]


def page_scrolling(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = page(rng, 3 * HEIGHT, WIDTH)
    return [sheet[round(k * 6.0) : round(k * 6.0) + HEIGHT] for k in range(N_FRAMES)]


def page_scrolling_on_a_screen(rng: Rng, sources: Sources) -> list[Frame]:
    """A screen that stands still in the picture, and a page that scrolls on it."""
    sheet, around = page(rng, 3 * HEIGHT, WIDTH - 80), sources.draw(rng, 1)[0][0].copy()
    frames = []
    for k in range(N_FRAMES):
        top = round(float(6 * k))
        around[30:-30, 40:-40] = sheet[top : top + HEIGHT - 60]
        frames.append(around.copy())
    return with_sensor_noise(rng, frames)


def page_filmed(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = page(rng, 2 * HEIGHT, 2 * WIDTH)
    return with_sensor_noise(rng, filmed(sheet, plane_path(rng, sheet)))


def take_on_a_filmed_screen(rng: Rng, sources: Sources) -> list[Frame]:
    """A hand-held camera before a screen on which a take plays: its parallax is not that of the camera."""
    (take,) = sources.draw(rng, 1)
    big = [cv2.resize(each, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC) for each in take]
    return [filmed(each, [matrix])[0] for each, matrix in zip(big, plane_path(rng, big[0]), strict=True)]


# No baseline, or nothing rigid.


def still_camera_with_movers(rng: Rng, sources: Sources) -> list[Frame]:
    room, patch = sources.draw(rng, 1)[0][0], dead_leaves(rng, 110, 70)
    frames = []
    for k in range(N_FRAMES):
        frame, left = room.copy(), round(float(5 * k))
        frame[90:200, left : left + 70] = patch[:, : max(0, WIDTH - left)]
        frames.append(frame)
    return with_sensor_noise(rng, frames)


def turning_camera(rng: Rng, sources: Sources) -> list[Frame]:
    sheet = sources.photograph(rng)
    return with_sensor_noise(rng, filmed(sheet, turning_path(rng, sheet)))


def turning_camera_with_movers(rng: Rng, sources: Sources) -> list[Frame]:
    frames, patches = turning_camera(rng, sources), [dead_leaves(rng, 120, 80) for _ in range(2)]
    for k, frame in enumerate(frames):
        for patch, start, speed in zip(patches, (0, 240), (4, -4), strict=True):
            left = min(max(start + speed * k, 0), WIDTH - 80)
            frame[80:200, left : left + 80] = patch
    return frames


def photograph_rippling(rng: Rng, sources: Sources) -> list[Frame]:
    """A photograph under moving water."""
    sheet = sources.photograph(rng)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for k, frame in enumerate(filmed(sheet, translated(smooth_path(rng, 2) * 20, sheet))):
        dx = 7 * np.sin(2 * np.pi * (y / 90 + k / 17)) + 4 * np.sin(2 * np.pi * (x / 130 - k / 23))
        dy = 6 * np.sin(2 * np.pi * (x / 110 + k / 19))
        frames.append(warped(frame, dx, dy))
    return frames


def take_rippling(rng: Rng, sources: Sources) -> list[Frame]:
    """A take seen through moving glass."""
    (take,) = sources.draw(rng, 1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    across, down = rng.uniform(70, 110, 2)
    return [warped(frame, 8 * np.sin(2 * np.pi * (y / down + k / 15)), 8 * np.sin(2 * np.pi * (x / across + k / 21)))
            for k, frame in enumerate(take)]  # fmt: skip


KINDS: dict[str, Generator] = {
    generator.__name__: generator
    for generator in (
        noise_still, noise_by_frame, noise_moving, noise_boiling, leaves_by_frame, leaves_drifting,
        two_takes_in_turn, three_takes_in_turn, every_third_from_elsewhere, night_takes_in_turn,
        every_third_from_elsewhere_at_night, stills_in_any_order, two_takes_blended,
        split_screen, four_screens,
        mirrored_sideways, mirrored_down, kaleidoscope, flipped_in_turn,
        tiles_moving, tiles_jumping, tiles_filmed, tiles_in_layers,
        photograph_panned, photograph_zoomed, photograph_filmed, photographs_dissolving,
        page_scrolling, page_scrolling_on_a_screen, page_filmed, take_on_a_filmed_screen,
        still_camera_with_movers, turning_camera, turning_camera_with_movers, photograph_rippling, take_rippling,
    )
}  # fmt: skip
