"""One module a format on disk, read and written."""
