import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.inference.run import CaseFiles, run_case


@pytest.fixture
def arguments(phantom, model, tmp_path):
    return [
        "predict", "--ct", phantom / "ct.nii.gz", "--segmentation", phantom / "segmentation.seg.nrrd",
        "--pet-fdg", phantom / "pet_fdg.nii.gz", "--model", model, "--device", "cpu", "--out", tmp_path / "out",
    ]  # fmt: skip


def replaced(arguments, option, value):
    result = list(arguments)
    result[result.index(option) + 1] = value
    return result


def test_a_case_becomes_a_result_folder_with_a_report(reactkd, arguments, tmp_path):
    run = reactkd(*arguments)
    assert run.status == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "attention.nii.gz", "prediction.json", "regions.nii.gz", "report.html",
    ]  # fmt: skip
    assert "Lesion 2" in run.out
    assert "no clinical meaning" in run.out


def test_piped_progress_is_plain_lines_on_stderr(reactkd, arguments):
    run = reactkd(*arguments, "--no-report", "--json")
    assert [line.split()[-1] for line in run.err.splitlines()] == [
        "start", "read", "preprocess", "network", "explain", "write", "finish",
    ]  # fmt: skip
    assert run.json["status"] == "done"


def test_the_command_line_gives_the_python_apis_logits(reactkd, arguments, phantom, model, tmp_path):
    run = reactkd(*arguments, "--no-report", "--json")
    files = CaseFiles(
        ct=phantom / "ct.nii.gz", segmentation=phantom / "segmentation.seg.nrrd", pet_fdg=phantom / "pet_fdg.nii.gz"
    )
    expected = run_case(Predictor.load(model, "cpu"), files, tmp_path / "api", report=False)
    assert run.json["logits"] == list(expected.logits)


def test_the_installed_command_runs_in_a_process_of_its_own(arguments):
    command = [sys.executable, "-c", "import sys; from REACTKDLib.cli import main; sys.exit(main())"]
    command += [str(a) for a in arguments] + ["--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "done"


BAD = {
    "no such file": ("--ct", lambda tmp: tmp / "nothing.nii.gz", "missing_file"),
    "not an image": ("--ct", lambda tmp: _text(tmp / "ct.nii.gz"), "unreadable"),
    "an empty folder": ("--ct", lambda tmp: _folder(tmp / "dicom"), "no_dicom"),
    "8 bit": ("--ct", lambda tmp: _image(tmp, lambda a: np.clip(a / 4 + 120, 0, 255).astype(np.uint8)), "not_hu"),
    "NaN": ("--ct", lambda tmp: _image(tmp, lambda a: np.where(a == a.max(), np.nan, a)), "not_finite"),
    "no model": ("--model", lambda tmp: tmp, "missing_model"),
    "no such device": ("--device", lambda tmp: "cuda:77", "no_such_device"),
    "an output below a file": ("--out", lambda tmp: _text(tmp / "file") / "out", "output_not_writable"),
}


def _text(path):
    path.write_text("text")
    return path


def _folder(path):
    path.mkdir()
    return path


def _image(folder, change):
    array = change(np.random.default_rng(0).integers(-1000, 1000, (10, 12, 14)).astype(np.float32))
    path = folder / "changed.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_message_a_code_and_status_2_with_nothing_written(reactkd, arguments, tmp_path, name):
    option, make, code = BAD[name]
    run = reactkd(*replaced(arguments, option, make(tmp_path)), "--json")
    assert run.status == 2
    assert run.json["status"] == "error"
    assert run.json["code"] == code
    assert run.json["message"]
    assert run.json["hint"]
    assert "Traceback" not in run.err
    assert run.json["message"] in run.err
    assert not (tmp_path / "out").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_without_json_stdout_stays_empty_on_an_error(reactkd, arguments, tmp_path):
    run = reactkd(*replaced(arguments, "--ct", tmp_path / "nothing.nii.gz"))
    assert run.status == 2
    assert run.out == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX resource limits")
def test_a_disk_that_fills_up_is_said_and_leaves_nothing(arguments, tmp_path):
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from REACTKDLib.cli import main; import torch, REACTKDLib.inference.run;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main())"
    )
    command = [sys.executable, "-c", limited, *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["code"] == "output_not_writable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_run_that_is_terminated_leaves_nothing_half_written(arguments, tmp_path):
    ended = (
        "import os, signal, sys, time; from REACTKDLib.inference import run; from REACTKDLib.cli import main;"
        "run.write_report = lambda *_: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(100)); sys.exit(main())"
    )
    command = [sys.executable, "-c", ended, *map(str, arguments)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real_data
@pytest.mark.parametrize(
    "masks",
    [("--liver", "liver.nii.gz", "--tumor", "tumor.nii.gz"), ("--segmentation", "hcc007_single_layer.seg.nrrd")],
    ids=["nifti", "segmentation"],
)
def test_a_real_case_is_graded_with_its_three_nodes(reactkd, hcc007, tmp_path, masks):
    masks = [hcc007 / m if not m.startswith("--") else m for m in masks]
    run = reactkd("predict", "--ct", hcc007 / "ct.nii.gz", *masks, "--out", tmp_path / "out", "--json")
    assert [node["id"] for node in run.json["nodes"]] == ["liver", "lesion_1", "lesion_2"]
    assert run.json["nodes"][1]["volume_ml"] == pytest.approx(637.5, rel=0.03)
    total = np.array(run.json["bias"]) + run.json["background_attention"]
    total = total + np.sum([node["attention"] for node in run.json["nodes"]], axis=0)
    assert np.allclose(total, run.json["logits"], atol=1e-4)


@pytest.mark.real_data
def test_the_dicom_series_gives_the_result_of_the_nifti_file(reactkd, data, hcc007, tmp_path):
    import tarfile

    with tarfile.open(data / "hcc_tace_seg" / "HCC_007_19971227_portal_acq3_dicom.tar.xz") as archive:
        archive.extractall(tmp_path / "dicom", filter="data")
    series = next(path.parent for path in (tmp_path / "dicom").rglob("*") if path.is_file())
    results = [
        reactkd("predict", "--ct", ct, "--segmentation", hcc007 / "hcc007.seg.nrrd",
                "--out", tmp_path / name, "--no-report", "--json").json
        for name, ct in (("from_dicom", series), ("from_nifti", hcc007 / "ct.nii.gz"))
    ]  # fmt: skip
    assert np.allclose(results[0]["logits"], results[1]["logits"], atol=1e-5)
    for ours, theirs in zip(results[0]["nodes"], results[1]["nodes"], strict=True):
        assert np.allclose(ours["centroid_lps_mm"], theirs["centroid_lps_mm"], atol=1e-3)
        assert ours["volume_ml"] == pytest.approx(theirs["volume_ml"], rel=1e-6)
