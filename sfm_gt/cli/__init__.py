"""``sfm-gt <command>``. Commands import what they run when they run; known errors become one line and exit status 1."""

from sfm_gt.cli.app import main

__all__ = ["main"]
