"""Grading of predictions against a data set: what stage ``evaluate`` and command ``evaluate --gt`` share."""
