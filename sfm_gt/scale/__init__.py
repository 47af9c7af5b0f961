"""Plug-ins: metric scale. One file a cue; fusion.py joins them. A cue without evidence raises, it never answers 1."""
