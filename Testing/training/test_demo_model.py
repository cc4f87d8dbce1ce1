import pytest

from REACTKDLib.inference.model_folder import load_model
from training.demo_model import DemoSettings, train_demo_model


@pytest.mark.slow
def test_training_from_nothing_gives_a_model_folder_that_loads_and_says_what_it_is(tmp_path):
    settings = DemoSettings(training=16, validation=12, test=12, grid=(16, 24, 24), epochs=1, jobs=1)
    train_demo_model(tmp_path / "model", settings)
    card = load_model(tmp_path / "model").card
    assert card.trained_on_phantoms
    assert card.training["data"].startswith("16 synthetic")
    assert set(card.metrics) == {
        "data", "macro_auc_ct_fdg", "accuracy_ct_fdg", "nll_ct_fdg", "macro_auc_ct_only", "accuracy_ct_only",
        "nll_ct_only",
    }  # fmt: skip
    assert card.preprocessing.ct_mean != 0.5
