"""layers made from the published ground truth: background plate behind people, near and far, people's joints.

In the spirit of DisCo (Wang et al. 2024), which splits pictures of people into foreground, background and pose. All of it comes
from geometry and given masks; nothing is painted in.
"""
