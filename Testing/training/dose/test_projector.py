import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, radon, resize

from training.dose.geometry import ParallelBeam
from training.dose.gridding import GriddedTransform
from training.dose.projector import Projector

CPU = torch.device("cpu")
sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))
spacings = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3))


def by_gridding(beam: ParallelBeam) -> Projector:
    return Projector(beam, CPU, GriddedTransform(beam.size[::-1], beam.frequencies, CPU))


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """A phantom blurred by a pixel: what is left between two ways of interpolating an edge is then small."""
    return gaussian_filter(resize(shepp_logan_phantom(), (128, 128)), 1.0).astype(np.float32)


def test_a_blob_has_the_line_integrals_of_the_formula_in_real_pixel_spacing():
    beam = ParallelBeam((80, 60), (0.7, 1.1), 45)
    x, y = (np.arange(80) - 40) * 0.7, (np.arange(60) - 30) * 1.1
    blob = np.exp(-((x - 6) ** 2 + (y[:, None] + 4) ** 2) / (2 * 3.0**2))
    got = Projector(beam, CPU).project(torch.from_numpy(blob)[None])[0].numpy()
    angles = beam.angles[:, None]
    centre = 6 * np.cos(angles) - 4 * np.sin(angles)
    expected = 3.0 * np.sqrt(2 * np.pi) * np.exp(-((beam.positions - centre) ** 2) / (2 * 3.0**2))
    assert np.abs(got - expected).max() < 2e-3 * expected.max()


def test_it_agrees_with_scikit_image(head):
    beam = ParallelBeam((128, 128), (1.0, 1.0), 180)
    degrees = -np.degrees(beam.angles)  # scikit-image's y points up
    projector = Projector(beam, CPU)
    ours = projector.project(torch.from_numpy(head)[None])
    theirs = radon(head, degrees, circle=False)
    # Both put the axis on a cell; they differ by the linear interpolation of radon alone.
    first = beam.detectors // 2 - theirs.shape[0] // 2
    ours_cut = ours[0].numpy().T[first : first + len(theirs)]
    assert np.sqrt(np.mean((ours_cut - theirs) ** 2)) < 0.005 * theirs.max()
    ours_back = projector.filtered_back_project(ours)[0].numpy()
    theirs_back = iradon(theirs, degrees, circle=False, output_size=128, interpolation="cubic")
    assert np.sqrt(np.mean((ours_back - theirs_back) ** 2)) < 0.01 * head.max()
    assert np.sqrt(np.mean((ours_back - head) ** 2)) <= np.sqrt(np.mean((theirs_back - head) ** 2))


@given(sizes, spacings, st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_both_transforms_agree_on_tiny_and_oblong_slices(size, spacing, count):
    beam = ParallelBeam(size, spacing, 12)
    slices = noise(count, *size[::-1])
    ours, other = Projector(beam, CPU), by_gridding(beam)
    sinograms = ours.project(slices)
    assert sinograms.shape == (count, 12, beam.detectors)
    assert (other.project(slices) - sinograms).abs().max() < 2e-3 * sinograms.abs().max()
    back = ours.filtered_back_project(sinograms)
    assert back.shape == slices.shape
    assert (other.filtered_back_project(sinograms) - back).abs().max() < 2e-3 * back.abs().max()


@pytest.mark.parametrize(
    "make", [lambda beam: Projector(beam, CPU)._transform, lambda beam: by_gridding(beam)._transform]
)
def test_the_two_directions_of_a_transform_are_adjoint(make):
    beam = ParallelBeam((20, 15), (1.0, 1.0), 16)
    transform = make(beam)
    images = torch.complex(noise(2, 15, 20), noise(2, 15, 20))
    values = torch.complex(noise(2, 16 * beam.detectors), noise(2, 16 * beam.detectors))
    left = (transform.to_frequencies(images).conj() * values).sum()
    right = (images.conj() * transform.to_images(values)).sum()
    assert abs(left - right) < 1e-3 * images.norm() * values.norm()


def test_slices_that_travel_together_do_not_mix():
    beam = ParallelBeam((24, 24), (1.0, 1.0), 30)
    slices = noise(3, 24, 24)
    projector = Projector(beam, CPU)
    alone = torch.cat([projector.project(one[None]) for one in slices])
    assert (projector.project(slices) - alone).abs().max() < 1e-3 * alone.abs().max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_finufft(head):
    beam = ParallelBeam((128, 128), (1.0, 1.0), 90)
    slices = torch.from_numpy(np.stack([head, head.T, head[::-1]]))
    expected = Projector(beam, CPU).project(slices)
    got = Projector(beam, torch.device("cuda")).project(slices.cuda())
    assert (got.cpu() - expected).abs().max() < 1e-3 * expected.max()
    back = Projector(beam, torch.device("cuda")).filtered_back_project(got).cpu()
    assert (back - slices).abs().max() < 0.01
