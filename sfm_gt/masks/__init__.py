"""Plug-ins: masks of what moves, one file a method."""
