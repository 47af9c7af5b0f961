"""The camera's way through the scene: from above, and its height over time."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.transforms import camera_centres

INK = "#010203"
"""Stands for the colour of the page's text, which the SVG takes over."""
ACCENT = "#2f7fd0"
END = "#d9822b"
N_VIEW_LINES = 12


def level_axes(cam_from_world: Float[np.ndarray, "n 4 4"]) -> Float[np.ndarray, "3 3"]:
    """Right, forward and up of the average camera as columns, in world coordinates.

    Which way is up is not known of a reconstruction; people hold cameras upright on average.
    """
    up = -cam_from_world[:, 1, :3].mean(axis=0)
    up /= np.linalg.norm(up)
    forward = cam_from_world[:, 2, :3].mean(axis=0)
    forward -= (forward @ up) * up
    # A full turn has no average direction; any level one serves then.
    if np.linalg.norm(forward) < 1e-6:
        forward = np.cross(up, cam_from_world[0, 0, :3])
    forward /= np.linalg.norm(forward)
    return np.stack([np.cross(forward, up), forward, up], axis=1)


def level_path(cam_from_world: Float[np.ndarray, "n 4 4"]) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """Camera centres and viewing directions as (right, forward, up) of the average camera, from the first centre."""
    axes, centres = level_axes(cam_from_world), camera_centres(cam_from_world)
    return (centres - centres[0]) @ axes, cam_from_world[:, 2, :3] @ axes


def trajectory_svg(cam_from_world: Float[np.ndarray, "n 4 4"], timestamps_s: Float[np.ndarray, " n"], unit: str) -> str:
    """Both plots as one SVG element to stand inside a page; text and lines take the page's colour.

    Args:
        unit: of the translations, for the axis labels.
    """
    import matplotlib
    from matplotlib.figure import Figure

    path, views = level_path(cam_from_world)
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "sfm_gt", "text.color": INK, "axes.edgecolor": INK,
             "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "font.size": 9, "axes.linewidth": 0.6,
             "axes.spines.top": False, "axes.spines.right": False, "font.family": "sans-serif"}  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(8.4, 3.1), layout="constrained")
        above, height = figure.subplots(1, 2, width_ratios=(1.1, 1))
        _draw_above(above, path, views, unit)
        height.plot(timestamps_s, path[:, 2], color=ACCENT, linewidth=1.4)
        # Equal spans on both plots: noise must not look like a climb.
        half = max(float(np.ptp(path, axis=0).max()) / 2, 1e-9)
        middle = float(path[:, 2].max() + path[:, 2].min()) / 2
        height.set(xlabel="time in s", ylabel=f"height in {unit}", ylim=(middle - half, middle + half))
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(svg.getvalue())


def _draw_above(axes: Any, path: Float[np.ndarray, "n 3"], views: Float[np.ndarray, "n 3"], unit: str) -> None:
    axes.plot(path[:, 0], path[:, 1], color=ACCENT, linewidth=1.4)
    length = 0.12 * max(float(np.ptp(path[:, :2], axis=0).max()), 1e-9)
    for row in np.unique(np.linspace(0, len(path) - 1, N_VIEW_LINES).round().astype(int)):
        ends = np.stack([path[row, :2], path[row, :2] + length * views[row, :2]])
        axes.plot(ends[:, 0], ends[:, 1], color=INK, linewidth=0.8, alpha=0.6)
    for row, colour, label in ((0, ACCENT, "start"), (-1, END, "end")):
        axes.plot(*path[row, :2], "o", color=colour, markersize=5, label=label)
    axes.legend(frameon=False, loc="best", labelcolor=INK)
    axes.set(xlabel=f"right in {unit}", ylabel=f"forward in {unit}")
    axes.set_aspect("equal", adjustable="datalim")


def _inline(document: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace(INK, "currentColor").replace("<svg", '<svg role="img" aria-label="camera trajectory"', 1)
