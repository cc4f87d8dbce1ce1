"""An ensemble of folds goes the way of every other model: folder, predictor, command line."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from REACTKDLib.cli import main
from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.model_card import ModelError
from REACTKDLib.inference.model_folder import load_model, save_model
from REACTKDLib.inference.prediction import Prediction
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.networks.architecture import build_network
from REACTKDLib.networks.ensemble import make_ensemble
from Testing.models import STUDENT, card_for

CONSTANTS = ((0.41, 0.22), (0.55, 0.31), (0.47, 0.18))


@dataclass(frozen=True)
class Folds:
    """Model folders: one of each fold's network, with its own constants, and the ensemble of them."""

    members: tuple[Path, ...]
    ensemble: Path


@pytest.fixture(scope="module")
def folds(tmp_path_factory) -> Folds:
    folder = tmp_path_factory.mktemp("folds")
    torch.manual_seed(0)
    networks = [build_network(STUDENT).eval() for _ in CONSTANTS]
    with torch.no_grad():
        for network in networks:
            network.head.weight.mul_(20)
    for number, (network, constants) in enumerate(zip(networks, CONSTANTS, strict=True)):
        save_model(folder / f"fold{number}", network, card_for(STUDENT, preprocessing=spec(*constants)), "readme")
    ensemble, common = make_ensemble(networks, CONSTANTS)
    save_model(folder / "ensemble", ensemble, card_for(ensemble.architecture, preprocessing=spec(*common)), "readme")
    return Folds(tuple(folder / f"fold{number}" for number in range(len(CONSTANTS))), folder / "ensemble")


@pytest.fixture(scope="module")
def prediction(folds, case) -> Prediction:
    return Predictor.load(folds.ensemble, "cpu").predict(case)


def spec(mean: float, std: float) -> PreprocessingSpec:
    return PreprocessingSpec(grid=STUDENT.grid, zero="mean", ct_mean=mean, ct_std=std)


def mean_logits(folds: Folds, case: Case) -> np.ndarray:
    return np.mean([Predictor.load(folder, "cpu").predict(case).logits for folder in folds.members], axis=0)


@pytest.mark.parametrize("tracer", [None, "fdg", "act"])
def test_a_case_gets_the_mean_of_the_members_logits(folds, case, tracer):
    pet = {} if tracer is None else {tracer: case.pet["fdg"]}
    given = Case.from_images(case.ct, case.liver, case.tumor, pet)
    found = Predictor.load(folds.ensemble, "cpu").predict(given).logits
    assert np.allclose(found, mean_logits(folds, given), atol=1e-5, rtol=0)


def test_bias_background_and_node_attention_of_an_ensemble_add_up_to_its_logits(folds, case, prediction):
    parts = np.sum([node.attention for node in prediction.nodes], axis=0)
    parts = parts + prediction.bias + prediction.background_attention
    assert np.allclose(parts, mean_logits(folds, case), atol=1e-5, rtol=0)


def test_an_ensemble_has_a_deletion_check(prediction):
    check = prediction.deletion
    assert check.node == prediction.most_attended.id
    assert check.change == pytest.approx(check.probabilities[prediction.grade] - max(prediction.probabilities))
    assert check.change != 0


def test_stored_in_half_precision_an_ensemble_keeps_its_constants_whole(folds, tmp_path):
    model = load_model(folds.ensemble)
    save_model(tmp_path / "half", model.network, model.card, "readme", half=True)
    stored = load_file(tmp_path / "half" / "model.safetensors")
    assert stored["head.weight"].dtype == torch.float16
    loaded = load_model(tmp_path / "half").network
    assert torch.equal(loaded.ct_scale, model.network.ct_scale)
    assert torch.equal(loaded.ct_shift, model.network.ct_shift)


def test_weights_of_another_number_of_members_are_refused(folds, tmp_path):
    model = load_model(folds.ensemble)
    card = replace(model.card, architecture={**model.card.architecture, "members": 2})
    save_model(tmp_path / "m", model.network, card, "readme")
    with pytest.raises(ModelError, match="do not fit the architecture"):
        load_model(tmp_path / "m")


def test_the_command_line_predicts_with_an_ensemble(folds, files, prediction, tmp_path):
    arguments = ["predict", "--ct", str(files.ct), "--segmentation", str(files.segmentation)]
    arguments += ["--pet-fdg", str(files.pet_fdg), "--model", str(folds.ensemble), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--device", "cpu"]) == 0
    logits = json.loads((tmp_path / "out" / "prediction.json").read_text())["logits"]
    assert np.allclose(logits, prediction.logits, atol=1e-6)
