import subprocess
import sys

import pytest

from REACTKDLib.cli import scene
from REACTKDLib.cli.scene import SceneExtras
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.inference.run import CaseFiles, run_case

needs_slicer = pytest.mark.skipif(not SceneExtras.available(), reason="slicer-core is not installed")


@pytest.fixture
def arguments(phantom, model, tmp_path):
    return [
        "predict", "--ct", phantom / "ct.nii.gz", "--segmentation", phantom / "segmentation.seg.nrrd",
        "--model", model, "--device", "cpu", "--out", tmp_path / "out",
    ]  # fmt: skip


@needs_slicer
def test_a_scene_is_added_to_the_result_on_request(reactkd, arguments, tmp_path):
    assert reactkd(*arguments, "--scene").status == 0
    assert (tmp_path / "out" / "scene.mrb").stat().st_size > 10_000
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "status -11"),
        ("print('no json')", "status 0"),
        ('print(\'{"error": {"code": "x", "message": "the disk is full"}}\')', "the disk is full"),
        ("import time; time.sleep(60)", "longer than"),
    ],
    ids=["crash", "silence", "error", "hang"],
)
def test_the_prediction_survives_whatever_happens_to_the_scene(
    phantom, model, tmp_path, monkeypatch, capsys, program, words
):
    original = subprocess.run
    monkeypatch.setattr(scene, "TIMEOUT_S", 3)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **options: original([sys.executable, "-c", program], **options)
    )
    files = CaseFiles(ct=phantom / "ct.nii.gz", segmentation=phantom / "segmentation.seg.nrrd")
    run_case(Predictor.load(model, "cpu"), files, tmp_path / "out", report=False, extras=SceneExtras())
    assert (tmp_path / "out" / "prediction.json").exists()
    assert words in capsys.readouterr().err


def test_without_slicer_core_the_scene_is_refused_before_anything_is_done(reactkd, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(SceneExtras, "available", staticmethod(lambda: False))
    run = reactkd(*arguments, "--scene", "--json")
    assert run.status == 2
    assert run.json["code"] == "no_scene"
    assert "reactkd[scene]" in run.json["hint"]
    assert not (tmp_path / "out").exists()
