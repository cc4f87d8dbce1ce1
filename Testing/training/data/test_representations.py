from dataclasses import replace

import numpy as np
import pytest
import torch

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom
from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.imaging.spec import PreprocessingSpec
from training.data.representations import blank_full, ct_representations, pet_representations

SPEC = PreprocessingSpec(grid=(8, 24, 24), ct_mean=0.45, ct_std=0.21)
PAPER = replace(SPEC, zero="mean")


@pytest.fixture(scope="module")
def case() -> Case:
    phantom = make_phantom(5, lesions=2, settings=PhantomSettings.coarse())
    return Case.from_images(phantom.ct, phantom.liver, phantom.tumor, phantom.pet)


@pytest.mark.parametrize("spec", [SPEC, PAPER], ids=["liver", "mean"])
@pytest.mark.parametrize("modality", ["ct", "fdg", "act"])
def test_a_batch_is_represented_as_preprocessing_does_it(case, modality, spec):
    data = preprocess(case, spec)
    scaled = torch.from_numpy(np.stack([data.scaled[modality], data.scaled[modality][::-1].copy()]))
    labels = torch.from_numpy(np.stack([data.label_map, data.label_map[::-1].copy()]))
    if modality == "ct":
        made = ct_representations(scaled, labels, spec)
    else:
        made = pet_representations(scaled, labels, spec)
    expected = np.stack([data.channels[modality], data.channels[modality][:, ::-1]])
    assert made.dtype == torch.float32
    assert np.allclose(made, expected, atol=2e-5)


def test_other_constants_give_another_ct(case):
    data = preprocess(case, PAPER)
    scaled, labels = torch.from_numpy(data.scaled["ct"])[None], torch.from_numpy(data.label_map)[None]
    other = replace(PAPER, ct_mean=0.1)
    made = ct_representations(scaled, labels, other)[0]
    assert not np.allclose(made[:2], data.channels["ct"][:2], atol=0.1)
    assert np.allclose(made[2], data.channels["ct"][2], atol=1e-6)


def test_a_pet_without_contrast_stays_finite():
    made = pet_representations(torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2, dtype=torch.uint8), PAPER)
    assert float(made.abs().max()) == 0


def test_blanking_empties_full_of_the_cases_it_is_meant_for_and_nothing_else():
    images = torch.rand(3, 3, 2, 2, 2)
    blanked = blank_full(images, torch.tensor([False, True, False]))
    assert float(blanked[1, 0].abs().max()) == 0
    assert torch.equal(blanked[1, 1:], images[1, 1:])
    assert torch.equal(blanked[[0, 2]], images[[0, 2]])
