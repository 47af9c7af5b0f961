"""What runs of layout 1, which had no folder a video, left in an output folder that is used again.

dataset/clips/<clip>/, predictions/<model>/<clip>/, work/clips.json
"""

from __future__ import annotations

import shutil

from sfm_gt.formats.manifest import MANIFEST_NAME
from sfm_gt.formats.workspace import Workspace


def remove_layout_1(workspace: Workspace) -> int:
    """Removes it: nothing reads it, and `sfm-gt forget` would have to. Returns how many folders went."""
    # Where layout 2 has a folder of clips, layout 1 has a clip with its manifest.
    clips = workspace.dataset.glob(f"clips/*/{MANIFEST_NAME}")
    predictions = workspace.root.glob(f"predictions/*/*/{MANIFEST_NAME}")
    found = [manifest.parent for manifest in (*clips, *predictions)]
    for folder in found:
        shutil.rmtree(folder)
    (workspace.root / "work" / "clips.json").unlink(missing_ok=True)
    return len(found)
