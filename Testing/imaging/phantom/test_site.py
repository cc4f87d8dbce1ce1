"""Lesions lie inside the liver, apart from each other, and are not balls."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.measure import label, regionprops

from REACTKDLib.imaging.phantom import PhantomSettings
from REACTKDLib.imaging.phantom.site import Site

FULL_CONNECTIVITY = 3
"""Neighbours through faces, edges and corners: 26."""


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), grade=st.integers(0, 2), lesions=st.integers(0, 8))
def test_lesions_are_as_many_as_asked_inside_the_liver_and_stay_apart_when_closed(made, tiny, seed, grade, lesions):
    packed = replace(tiny, main_lesion_ml=60.0, satellite_ml=25.0, lesion_gap_mm=0.0)
    patient = made(seed, grade, lesions, packed)
    parts = label(np.pad(patient.tumor, 2), connectivity=FULL_CONNECTIVITY)
    assert parts.max() == lesions == len(patient.phantom.lesions)
    assert not np.any(patient.tumor & ~patient.liver)
    closed = minimum_filter(maximum_filter(parts > 0, 3), 3)
    assert label(closed, connectivity=FULL_CONNECTIVITY).max() == lesions
    most = maximum_filter(parts, 3)
    least = minimum_filter(np.where(parts > 0, parts, lesions + 1), 3)
    assert np.all((most == least) | (most == 0))  # no voxel touches two: two voxels apart at least


def test_lesions_are_neither_balls_nor_smooth(patients):
    def shapes(irregularity):
        look = PhantomSettings.coarse(lesion_irregularity=irregularity)
        sites = [Site(patient.liver, patient.geometry, look) for patient in patients[:6]]
        for seed, site in enumerate(sites):
            site.grow(100.0, np.random.default_rng(seed))
        return [regionprops(label(site.tumor), spacing=site.geometry.spacing[::-1])[0] for site in sites]

    ellipsoids, uneven = shapes(0.0), shapes(PhantomSettings().lesion_irregularity)
    assert np.mean([part.axis_minor_length / part.axis_major_length for part in ellipsoids]) < 0.85
    assert np.mean([part.solidity for part in uneven]) < np.mean([part.solidity for part in ellipsoids]) - 0.01
