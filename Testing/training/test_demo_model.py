import numpy as np
import pytest
import torch

from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.model_card import ModelCard
from REACTKDLib.inference.model_folder import load_model
from training.demo_model import TRACER, DemoSettings, PhantomSet, _augmented, train_demo_model


@pytest.mark.slow
def test_training_from_nothing_gives_a_model_folder_that_loads_and_says_what_it_is(tmp_path):
    settings = DemoSettings(training=16, validation=12, test=12, grid=(16, 24, 24), epochs=1, jobs=1)
    train_demo_model(tmp_path / "model", settings)
    card = load_model(tmp_path / "model").card
    assert card.trained_on_phantoms
    assert card.training["data"].startswith("16 synthetic")
    assert set(card.metrics) == {"data"} | {
        f"{metric}_{inputs}"
        for metric in ("macro_auc", "accuracy", "nll", "median_lesion_share")
        for inputs in ("ct_fdg", "ct_only")
    }
    assert card.preprocessing.ct_mean != 0.5


def test_the_demo_model_reads_the_grade_in_the_lesions():
    metrics = ModelCard.read(demo_model()).metrics
    for inputs in ("ct_fdg", "ct_only"):
        assert metrics[f"median_lesion_share_{inputs}"] > 0.5


def test_the_lesions_move_with_the_images_and_no_case_loses_its_ct():
    settings = DemoSettings(grid=(8, 8, 8), full_dropout=0.0)
    lesions = torch.zeros(40, 4, 4, 4)
    lesions[:, 1, 2, 0] = 1
    fine = lesions.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    images = fine[:, None].repeat(1, 3, 1, 1, 1).half()
    cases = PhantomSet({"ct": images, TRACER: images}, lesions, torch.zeros(40, dtype=torch.int64))
    batch, moved = _augmented(cases, np.arange(40), settings, np.random.default_rng(0))
    for image in batch.images.values():
        assert torch.equal(torch.nn.functional.avg_pool3d(image, 2), moved[:, None].expand(-1, 3, -1, -1, -1))
    assert len(moved.unique(dim=0)) > 10
    assert batch.present["ct"].all()
    assert 0 < int(batch.present[TRACER].sum()) < 40
