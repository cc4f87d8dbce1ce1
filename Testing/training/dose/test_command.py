import sys

import numpy as np
import pytest
import SimpleITK as sitk

from training.cli import main
from training.dose.simulation import simulate_low_dose


@pytest.fixture
def ct(tmp_path):
    path = tmp_path / "ct.nii.gz"
    hu = np.random.default_rng(0).normal(0, 50, (3, 20, 24)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(hu), str(path))
    return path


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", ["reactkd-train", "simulate-dose", *map(str, arguments)])
    main()


def test_a_ct_file_becomes_a_ct_file(monkeypatch, ct, tmp_path):
    out = tmp_path / "low.nii.gz"
    run(monkeypatch, ct, out, "--level", "mild", "--seed", "4", "--device", "cpu")
    expected = simulate_low_dose(sitk.ReadImage(str(ct)), "mild", 4, device="cpu")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(out))), sitk.GetArrayFromImage(expected))


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [("none.nii.gz", "low.nii.gz", "does not exist"), ("ct.nii.gz", "low.png", "no known format"),
     ("ct.nii.gz", "absent/low.nii.gz", "does not exist")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_plain_words_and_nothing_is_written(
    monkeypatch, capsys, ct, tmp_path, source, target, words
):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, tmp_path / source, tmp_path / target)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / target).exists()


def test_the_ct_itself_is_never_overwritten(monkeypatch, capsys, ct):
    before = ct.read_bytes()
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, ct, ct.parent / "." / ct.name)
    assert stopped.value.code == 2
    assert "would be lost" in capsys.readouterr().err
    assert ct.read_bytes() == before


def test_what_is_no_ct_is_refused(monkeypatch, capsys, tmp_path):
    mask = tmp_path / "mask.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(20, dtype=np.uint8)[None]), str(mask))
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, mask, tmp_path / "low.nii.gz")
    assert stopped.value.code == 2
    assert not (tmp_path / "low.nii.gz").exists()
