"""Where a case is looked at from in 3D: labels and cameras agree on it."""

import numpy as np

AZIMUTH, ELEVATION = -20.0, 15.0
"""Degrees from the front; towards the patient's right, where most of the liver is, so that one lesion rarely hides the
next, and from above."""


def picture_axes() -> np.ndarray:
    """Rows: the picture's right, its top, and towards the reader, as unit vectors in RAS."""
    azimuth, elevation = np.radians((AZIMUTH, ELEVATION))
    across = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    towards = np.cos(elevation) * across + np.array([0.0, 0.0, np.sin(elevation)])
    right = np.array([-np.cos(azimuth), -np.sin(azimuth), 0.0])
    return np.stack([right, np.cross(towards, right), towards])
