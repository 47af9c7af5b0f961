"""Plug-ins: dense depth, one file a method."""
