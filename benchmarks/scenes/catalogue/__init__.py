"""Scenes by name: ``catalogue/NAME.py`` holds one ``SCENE``."""
