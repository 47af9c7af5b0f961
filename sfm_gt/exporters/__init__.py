"""Plug-ins: one file per format that other people's code reads.

A plug-in is a class with ``VERSION`` (moves when its files move), ``LENGTHS`` ("metres" when the format means metres, "any"
when it has no unit) and ``write(clips, folder)``: it fills an empty folder from a sequence of
:class:`~sfm_gt.exporters.shared.clip.ExportedClip`. What a format cannot hold (depth beyond its range) it counts and returns.
"""
