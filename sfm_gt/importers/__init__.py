"""Plug-ins: one file per format of cameras from elsewhere.

A plug-in is a class with ``read(path, video) -> CameraTrack``, where ``path`` is what the sidecar's ``import.file`` names
and ``video`` a :class:`~sfm_gt.importers.shared.video_facts.VideoFacts`. It raises InputError for a file that it cannot use.
"""
