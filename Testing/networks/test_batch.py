import pytest
import torch

from REACTKDLib.networks.batch import ModalityBatch

IMAGE = torch.zeros(2, 3, 4, 4, 4)
BOTH = torch.tensor([True, True])


@pytest.mark.parametrize(
    ("images", "present", "message"),
    [
        ({}, {}, "no image"),
        ({"ct": torch.zeros(2, 4, 4, 4)}, {"ct": BOTH}, r"\(2, 4, 4, 4\)"),
        ({"ct": torch.zeros(2, 1, 4, 4, 4)}, {"ct": BOTH}, r"\(2, 1, 4, 4, 4\)"),
        ({"ct": IMAGE, "pet": IMAGE[:1]}, {"ct": BOTH, "pet": BOTH}, "pet is"),
        ({"ct": IMAGE, "pet": IMAGE}, {"ct": BOTH}, "pet has an image but no presence"),
        ({"ct": IMAGE}, {"ct": BOTH[:1]}, "presence of ct"),
        ({"ct": IMAGE}, {"ct": BOTH.float()}, "presence of ct"),
        ({"ct": IMAGE}, {"ct": BOTH, "pet": BOTH}, "pet is present but has no image"),
    ],
)
def test_a_batch_that_contradicts_itself_is_refused_and_says_where(images, present, message):
    with pytest.raises(ValueError, match=message):
        ModalityBatch(images, present)


def test_a_modality_without_an_image_is_missing_for_the_whole_batch():
    batch = ModalityBatch({"ct": IMAGE}, {"ct": BOTH})
    assert batch.presence("pet").tolist() == [False, False]
    assert batch.presence("ct").tolist() == [True, True]


def test_a_batch_moves_as_a_whole():
    batch = ModalityBatch({"ct": IMAGE}, {"ct": BOTH}).to("meta")
    assert batch.device.type == "meta"
    assert batch.present["ct"].device.type == "meta"
