"""From nothing to a model that Slicer and the command line open, as the documentation has it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from REACTKDLib.cli import main as reactkd
from REACTKDLib.inference.case_files import CaseFiles
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


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    """Of fold 1."""
    folder = tmp_path_factory.mktemp("models") / "model"
    export_network(run, folder, fold=1)
    return folder


@pytest.fixture
def held_out(run, model) -> tuple[CaseFiles, np.ndarray]:
    """The first held-out case of the model's fold, and the probabilities that the run's own predictions give it."""
    own = read_predictions(run / "fold1/seed3/student-react_kd/predictions.csv")
    own = own.select(split="test", inputs="ct+fdg", dose="native")
    files = next(case.files for case in read_manifest(run / "cohort.csv").cases if case.name == own.cases[0])
    return replace(files, pet_act=None), softmax(own.logits[0] / ModelCard.read(model).temperature)


def probabilities(folder) -> list[float]:
    return json.loads((folder / "prediction.json").read_text())["probabilities"]


def test_the_exported_model_says_of_a_held_out_case_what_the_run_said(held_out, model, tmp_path, monkeypatch):
    files, own = held_out
    arguments = ["--ct", files.ct, "--liver", files.liver, "--tumor", files.tumor, "--pet-fdg", files.pet_fdg]
    arguments += ["--model", model, "--out", tmp_path / "out", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["reactkd", "predict", *map(str, arguments)])
    assert reactkd() in (0, None)
    assert np.allclose(probabilities(tmp_path / "out"), own, atol=0.01)


def test_so_does_the_process_that_grades_cases_for_slicer(held_out, model, tmp_path):
    files, own = held_out
    given = {name: str(value) for name, value in vars(files).items() if value is not None}
    request = {"command": "predict", "id": "a", "files": given, "out": str(tmp_path / "out"), "report": False}
    command = [sys.executable, "-m", "REACTKDLib.inference.worker", "--model", str(model), "--device", "cpu"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        print(json.dumps(request), file=worker.stdin, flush=True)
        last = next(event for event in map(json.loads, worker.stdout) if event["event"] in ("done", "error"))
        worker.kill()
    assert last["event"] == "done"
    assert np.allclose(probabilities(tmp_path / "out"), own, atol=0.01)


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
