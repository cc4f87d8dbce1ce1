from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from training.data.augmentation import Volumes, augment, sampling_grid
from training.data.draws import AugmentationSettings, random_of
from training.data.transforms import IDENTITY, CaseTransform, draw_transform, no_transform

from .made_cases import SHAPE, label_map, region_weights

STRONG = AugmentationSettings(moved=1, rotation_degrees=15, scale=0.2, elastic_amplitude=0.02)
NO_ELASTIC = np.zeros((3, 4, 4, 4), np.float32)
MIRRORED = CaseTransform(np.diag([1, -1, -1]).astype(np.float32) @ IDENTITY, NO_ELASTIC)


def volumes(labels: np.ndarray, cases: int = 1) -> Volumes:
    """Images: noise, and the lesions themselves."""
    noise = torch.from_numpy(np.random.default_rng(0).random((cases, *labels.shape))).float()
    label_maps = torch.from_numpy(np.stack([labels] * cases))
    regions = torch.from_numpy(np.stack([region_weights(labels)] * cases))
    return Volumes({"ct": noise, "fdg": (label_maps > 1).float()}, label_maps, regions)


def transform_of(seed: int, chosen: AugmentationSettings = STRONG) -> CaseTransform:
    return draw_transform(chosen, random_of(seed, 0, "a"))


def positions(transform: CaseTransform, shape: tuple[int, ...]) -> np.ndarray:
    """The oracle, in float64 with SciPy's splines: where each voxel comes from, as an index (3, D, H, W)."""
    axes = [(2 * np.arange(n) + 1) / n - 1 for n in shape]
    field = np.stack(np.meshgrid(*axes, indexing="ij"))
    count = transform.elastic.shape[-1]
    knots = np.arange(-3, count + 1)
    basis = [np.stack([BSpline(knots, row, 3)((axis + 1) / 2 * (count - 3)) for row in np.eye(count)]) for axis in axes]
    displacement = np.einsum("cijk,iz,jy,kx->czyx", transform.elastic.astype(float), *basis)
    linear, constant = transform.matrix[:, :3].astype(float), transform.matrix[:, 3].astype(float)
    moved = np.einsum("ab,bzyx->azyx", linear, field) + constant[:, None, None, None] + displacement
    return ((moved + 1) * np.array(shape)[:, None, None, None] - 1) / 2


@pytest.mark.parametrize("seed", range(4))
def test_images_and_labels_come_from_where_affine_and_spline_say(seed):
    before = volumes(label_map())
    transform = transform_of(seed)
    after = augment(before, [transform])
    where = positions(transform, SHAPE)
    expected = map_coordinates(before.images["ct"][0].numpy(), where, order=1, mode="nearest")
    assert np.allclose(after.images["ct"][0], expected, atol=1e-4)
    nearest = map_coordinates(before.label_map[0].numpy(), where, order=0, mode="nearest")
    # Where a position is half way between two voxels, either is the nearest.
    assert np.mean(after.label_map[0].numpy() == nearest) > 0.995


def test_a_case_that_is_not_moved_is_returned_to_the_bit_also_beside_one_that_is():
    before = volumes(label_map(), cases=2)
    alone = augment(before, [no_transform(), no_transform()])
    beside = augment(before, [no_transform(), transform_of(0)])
    for after in (alone, beside):
        assert all(torch.equal(after.images[name][0], image[0]) for name, image in before.images.items())
        assert torch.equal(after.label_map[0], before.label_map[0])
        assert torch.equal(after.regions[0], before.regions[0])
    assert not torch.allclose(beside.images["ct"][1], before.images["ct"][1], atol=0.1)


def test_each_case_of_a_batch_moves_as_it_would_alone():
    before = volumes(label_map(), cases=3)
    transforms = [transform_of(seed) for seed in range(3)]
    together = augment(before, transforms)
    for row, transform in enumerate(transforms):
        alone = augment(volumes(label_map(), cases=3), [no_transform()] * row + [transform] * (3 - row))
        torch.testing.assert_close(together.images["ct"][row], alone.images["ct"][row])
        torch.testing.assert_close(together.regions[row], alone.regions[row])


def test_a_mirror_image_is_the_flipped_volume_and_of_the_mirror_image_the_volume():
    before = volumes(label_map())
    once = augment(before, [MIRRORED])
    twice = augment(once, [MIRRORED])
    torch.testing.assert_close(once.images["ct"], before.images["ct"].flip(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(once.regions, before.regions.flip(3, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(twice.images["ct"], before.images["ct"], atol=1e-5, rtol=0)
    assert torch.equal(once.label_map, before.label_map.flip(2, 3))
    assert torch.equal(twice.label_map, before.label_map)


@pytest.mark.parametrize("seed", range(8))
def test_a_lesion_stays_in_its_place_in_the_image_and_on_the_feature_grid(seed):
    labels = label_map(1, shape=(16, 32, 32), seed=1)
    labels[labels == 2] = 1
    labels[6:11, 10:20, 12:22] = 2
    after = augment(volumes(labels), [transform_of(seed)])
    image, lesion = after.images["fdg"][0].numpy(), after.label_map[0].numpy() == 2
    assert np.corrcoef(image.ravel(), lesion.ravel())[0, 1] > 0.9
    pooled = region_weights(after.label_map[0].numpy(), count=2)[1]
    assert np.corrcoef(pooled.ravel(), after.regions[0, 1].ravel())[0, 1] > 0.85


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_weights_of_a_voxel_sum_to_at_most_one(seed, lesions):
    after = augment(volumes(label_map(lesions, seed=seed)), [transform_of(seed)])
    assert float(after.regions.min()) >= 0
    assert float(after.regions.sum(1).max()) <= 1 + 1e-5


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.tuples(*(st.integers(0, n - 1) for n in SHAPE)))
def test_a_lesion_of_one_voxel_within_the_field_is_never_lost(seed, voxel):
    labels = np.ones(SHAPE, np.uint8)
    labels[voxel] = 2
    transform = replace(transform_of(seed), elastic=NO_ELASTIC)
    # The centre of the feature voxel that holds the lesion, and the lesion's own: both must be within the field.
    places = np.stack([np.array(voxel), np.array(voxel) // 4 * 4 + 1.5])
    centres = (2 * places + 1) / np.array(SHAPE) - 1
    new = np.linalg.solve(transform.matrix[:, :3].astype(float), (centres - transform.matrix[:, 3]).T)
    after = augment(volumes(labels), [transform])
    if np.abs(new[:, 0]).max() <= 1:
        assert (after.label_map == 2).any()
    if np.abs(new[:, 1]).max() <= 1:
        assert float(after.regions[0, 1].sum()) > 1e-6


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_two_lesions_of_one_voxel_side_by_side_both_stay(seed):
    labels = np.ones(SHAPE, np.uint8)
    labels[4, 8, 8], labels[4, 8, 9] = 2, 3
    after = augment(volumes(labels), [transform_of(seed)])
    assert {2, 3} <= set(after.label_map.unique().tolist())
    assert bool((after.regions.sum((2, 3, 4)) > 1e-6).all())


@pytest.mark.parametrize("voxel", [(z, y, x) for z in (1, 6) for y in (6, 25) for x in (5, 14)])
def test_a_lesion_between_the_samples_of_a_shrunk_volume_is_never_lost(voxel):
    labels = np.ones((8, 32, 32), np.uint8)
    labels[voxel] = 2
    shrunk = CaseTransform((2.5 * IDENTITY).astype(np.float32), NO_ELASTIC)
    after = augment(volumes(labels), [shrunk])
    assert (after.label_map == 2).any()
    assert float(after.regions[0, 1].sum()) > 1e-6
    assert float(after.regions.sum(1).max()) <= 1 + 1e-6


def test_a_lesion_that_leaves_the_field_is_gone():
    labels = np.ones(SHAPE, np.uint8)
    labels[1, 1, 1] = 2
    away = IDENTITY.copy()
    away[:, 3] = 1
    after = augment(volumes(labels), [CaseTransform(away, NO_ELASTIC)])
    assert not (after.label_map == 2).any()
    assert float(after.regions[0, 1].sum()) == 0


def test_the_elastic_displacement_is_as_strong_as_said_and_does_not_fold():
    chosen = replace(AugmentationSettings.none(), moved=1, elastic_amplitude=0.01)
    shape = (24, 24, 24)
    transforms = [transform_of(seed, chosen) for seed in range(60)]
    still = sampling_grid([no_transform()], shape, torch.device("cpu"))
    grids = sampling_grid(transforms, shape, torch.device("cpu"))
    # Fractions of the field, which is 2 long.
    assert float((grids - still).std()) / 2 == pytest.approx(0.01, rel=0.1)
    steps = torch.stack([grids.diff(dim=axis)[..., 3 - axis].amin() for axis in (1, 2, 3)])
    assert float(steps.min()) > 0


def test_a_grid_that_the_regions_do_not_divide_is_refused_in_words():
    before = volumes(label_map())
    with pytest.raises(ValueError, match=r"\(8, 16, 16\) is no multiple of the regions' \(3, 4, 4\)"):
        augment(replace(before, regions=torch.zeros(1, 2, 3, 4, 4)), [MIRRORED])


def test_a_case_that_is_only_mirrored_keeps_every_value_as_it_is():
    before = volumes(label_map())
    after = augment(before, [transform_of(3, replace(STRONG, moved=0, mirror=1))])
    assert torch.allclose(after.images["ct"], before.images["ct"].flip(1, 2, 3), atol=1e-5)
    assert torch.equal(after.label_map, before.label_map.flip(1, 2, 3))
