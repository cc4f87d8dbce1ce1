import json
import platform
import shutil
from pathlib import Path

import pytest
import torch

from REACTKDLib import __version__
from Testing.training.engine.tiny import no_file_above
from training.engine.errors import TrainingError
from training.engine.results import read_result, write_result
from training.evaluation.predictions import read_predictions


def test_what_is_read_back_is_written_the_same(teacher, tmp_path):
    found = read_result(teacher)
    write_result(tmp_path, found, read_predictions(teacher / "predictions.csv"))
    for name in ("weights.safetensors", "predictions.csv", "done.json"):
        assert (tmp_path / name).read_bytes() == (teacher / name).read_bytes()


def test_it_is_in_evaluation_and_says_what_it_was_trained_on(teacher, cases):
    found = read_result(teacher)
    assert not any(module.training for module in found.network.modules())
    assert found.spec == cases.spec
    assert found.facts["training_cases"] == len(cases.training) + len(cases.unlabelled)
    assert found.facts["epochs"] == 2
    assert found.facts["best_epoch"] in (1, 2)


def test_it_says_with_which_versions_it_was_trained(teacher):
    found = read_result(teacher).facts["software"]
    assert found.keys() == {"reactkd", "torch", "monai", "python"}
    assert (found["reactkd"], found["torch"]) == (__version__, torch.__version__)
    assert found["python"] == platform.python_version()


def test_a_network_of_earlier_days_that_does_not_say_so_is_read_all_the_same(teacher, tmp_path):
    folder = Path(shutil.copytree(teacher, tmp_path / "earlier"))
    values = json.loads((folder / "done.json").read_text())
    del values["software"]
    (folder / "done.json").write_text(json.dumps(values))
    assert read_result(folder).facts == {k: v for k, v in read_result(teacher).facts.items() if k != "software"}


def without_preprocessing(folder: Path) -> None:
    values = json.loads((folder / "done.json").read_text())
    del values["preprocessing"]
    (folder / "done.json").write_text(json.dumps(values))


DAMAGES = {
    "no done.json": lambda folder: (folder / "done.json").unlink(),
    "half of done.json": lambda folder: (folder / "done.json").write_text("{"),
    "no preprocessing": without_preprocessing,
    "no weights": lambda folder: (folder / "weights.safetensors").unlink(),
    "half of the weights": lambda folder: (folder / "weights.safetensors").write_bytes(
        (folder / "weights.safetensors").read_bytes()[:5000]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_whole_is_not_trained(teacher, tmp_path, damage):
    folder = Path(shutil.copytree(teacher, tmp_path / "damaged"))
    DAMAGES[damage](folder)
    with pytest.raises(TrainingError, match="no whole trained network") as caught:
        read_result(folder)
    assert caught.value.code == "not_trained"


@pytest.fixture
def small_disk():
    """Which takes predictions, but no weights."""
    with no_file_above(20_000):
        yield


def test_on_a_full_disk_a_network_is_not_done_and_that_is_said(teacher, tmp_path, small_disk):
    found, predictions = read_result(teacher), read_predictions(teacher / "predictions.csv")
    with pytest.raises(TrainingError, match="cannot be written") as caught:
        write_result(tmp_path, found, predictions)
    assert caught.value.code == "not_written"
    assert not (tmp_path / "done.json").exists()


def test_weights_lie_in_plain_order_whatever_the_network_was_trained_in(teacher, tmp_path):
    found = read_result(teacher)
    found.network.to(memory_format=torch.channels_last_3d)
    write_result(tmp_path, found, read_predictions(teacher / "predictions.csv"))
    assert (tmp_path / "weights.safetensors").read_bytes() == (teacher / "weights.safetensors").read_bytes()
