"""Metrics, alignments and protocols as pure functions."""
