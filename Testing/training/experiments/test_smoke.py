"""From nothing to a model that Slicer and the command line open, as the documentation has it."""

import json

import numpy as np
import pytest
from scipy.special import softmax

from REACTKDLib.cli import main as reactkd
from REACTKDLib.inference.model_card import ModelCard
from training.cohorts.manifest import read_manifest
from training.evaluation.predictions import read_predictions
from training.evaluation.summary import summarise
from training.experiments.commands import export_network, run_config
from training.experiments.status import status_lines

pytestmark = pytest.mark.slow
CHANGES = ["only_folds=[0,1]", "folds=2", "seeds=[3]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    run_config("smoke", out, set=CHANGES, device="cpu")
    return out / "smoke"


def predicted(run, model, fold: int, folder, monkeypatch) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the first held-out case of a fold: of `reactkd predict`, and of the run's own predictions."""
    own = read_predictions(run / f"fold{fold}/seed3/student-react_kd/predictions.csv")
    own = own.select(split="test", inputs="ct+fdg", dose="native")
    files = next(case.files for case in read_manifest(run / "cohort.csv").cases if case.name == own.cases[0])
    arguments = ["--ct", files.ct, "--liver", files.liver, "--tumor", files.tumor, "--pet-fdg", files.pet_fdg]
    arguments += ["--model", model, "--out", folder, "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["reactkd", "predict", *map(str, arguments)])
    assert reactkd() in (0, None)
    found = json.loads((folder / "prediction.json").read_text())["probabilities"]
    return np.array(found), softmax(own.logits[0] / ModelCard.read(model).temperature)


def test_the_exported_model_says_of_a_held_out_case_what_the_run_said(run, tmp_path, monkeypatch):
    export_network(run, tmp_path / "model", fold=1)
    found, own = predicted(run, tmp_path / "model", 1, tmp_path / "out", monkeypatch)
    assert np.allclose(found, own, atol=0.01)


def test_its_card_says_that_it_knows_phantoms_only_and_what_was_measured_on_which_cases(run, tmp_path):
    export_network(run, tmp_path / "model", fold="ensemble")
    card = ModelCard.read(tmp_path / "model")
    assert card.trained_on_phantoms
    assert "phantom" in card.name
    assert card.architecture["members"] == 2
    assert card.metrics["data"].startswith("24 synthetic phantoms, each predicted by the member that had not seen it")
    low, high = card.metrics["macro_auc_ct_fdg_interval"]
    assert low <= card.metrics["macro_auc_ct_fdg"] <= high


def test_the_same_command_again_trains_nothing(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("weights.safetensors")}
    run_config("smoke", run.parent, set=CHANGES, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in run.rglob("weights.safetensors")} == before
    assert len(before) == 4
    assert "4 done" in "\n".join(status_lines(run))


def test_the_summary_has_every_job_with_every_input(run):
    text = summarise(run).markdown()
    for job in ("teacher-dual", "student-react_kd"):
        assert job in text
