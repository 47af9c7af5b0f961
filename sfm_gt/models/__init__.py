"""Plug-ins: depth models, one file a method."""
