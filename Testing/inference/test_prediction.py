import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.imaging.errors import Finding
from REACTKDLib.inference import prediction as module
from REACTKDLib.inference.prediction import (
    Node,
    OutputError,
    Prediction,
    PredictionSummary,
    most_attended,
    new_folder,
    read_summary,
    write_prediction,
)
from REACTKDLib.inference.run import run_case
from REACTKDLib.inference.wording import deletion_check, reasons


@pytest.fixture(scope="module")
def made(predictor, case) -> Prediction:
    return predictor.predict(case)


def leftovers(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


def test_a_prediction_comes_back_from_its_folder_as_it_was(made, tmp_path):
    write_prediction(made, tmp_path / "out")
    read = Prediction.read(tmp_path / "out")
    assert read.to_dict() == made.to_dict()
    assert read == made
    for ours, theirs in ((read.regions, made.regions), (read.attention, made.attention)):
        assert np.array_equal(sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(theirs))
        assert np.allclose(ours.GetOrigin(), theirs.GetOrigin())


def test_the_json_has_the_keys_that_others_rely_on(made):
    values = json.loads(json.dumps(made.to_dict()))
    assert {"schema", "grade", "probabilities", "logits", "nodes", "edges", "findings", "provenance"} <= set(values)
    assert {"background_attention", "bias"} <= set(values)
    assert {"index", "name"} == set(values["grade"])
    keys = {"id", "name", "volume_ml", "centroid_lps_mm", "attention", "mean_hu"}
    assert all(keys <= set(node) for node in values["nodes"])
    assert all({"source", "target", "similarity"} == set(edge) for edge in values["edges"])
    assert all({"severity", "code", "message"} == set(finding) for finding in values["findings"])


def test_its_json_alone_tells_all_but_the_images(made):
    summary = read_summary(made.to_json(), "the scene")
    assert type(summary) is PredictionSummary
    assert summary.to_json() == made.to_json()
    assert summary.most_attended == made.most_attended
    assert (reasons(summary), deletion_check(summary)) == (reasons(made), deletion_check(made))


@pytest.mark.parametrize(
    ("text", "code"), [("{", "not_a_prediction"), ("[]", "not_a_prediction"), ('{"schema": 99}', "newer_prediction")]
)
def test_a_text_that_is_no_prediction_is_refused_with_its_place(text, code):
    with pytest.raises(OutputError, match="the scene") as caught:
        read_summary(text, "the scene")
    assert caught.value.code == code


def a_node(name: str, *attention: float) -> Node:
    return Node(name, name, 1, 1.0, (0.0, 0.0, 0.0), attention, 60.0)


@given(st.lists(st.tuples(*[st.floats(-5, 5)] * 3), min_size=1, max_size=5), st.integers(0, 2))
def test_no_lesion_has_a_larger_attention_than_the_most_attended_one(attentions, grade):
    lesions = [a_node(f"lesion_{number}", *values) for number, values in enumerate(attentions, 1)]
    top = most_attended([a_node("liver", 9.0, -9.0, 9.0), *lesions], grade)
    assert top in lesions
    assert all(abs(lesion.attention[grade]) <= abs(top.attention[grade]) for lesion in lesions)


def test_a_lesion_that_speaks_against_the_grade_can_be_the_most_attended():
    nodes = [a_node("liver", 3.0), a_node("lesion_1", 0.5), a_node("lesion_2", -0.6)]
    assert most_attended(nodes, 0).id == "lesion_2"


def test_the_liver_is_the_most_attended_where_there_is_no_lesion():
    assert most_attended([a_node("liver", -0.1)], 0).id == "liver"


def test_findings_of_the_caller_join_those_of_the_case(predictor, files, tmp_path):
    told = Finding("info", "retried_on_cpu", "The graphics card had too little memory.")
    returned = run_case(predictor, files, tmp_path / "out", report=False, findings=[told])
    assert Prediction.read(tmp_path / "out") == returned
    assert returned.findings[-1] == told
    assert len(returned.findings) > 1


def test_a_result_is_replaced_whole(made, tmp_path):
    write_prediction(made, tmp_path / "out")
    (tmp_path / "out" / "stale.txt").write_text("of the earlier run")
    write_prediction(made, tmp_path / "out")
    assert not (tmp_path / "out" / "stale.txt").exists()
    assert leftovers(tmp_path) == []


def test_a_folder_that_is_no_result_is_refused_and_left_alone(made, tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "ct.nii.gz").write_text("precious")
    with pytest.raises(OutputError) as caught:
        write_prediction(made, tmp_path / "scans")
    assert caught.value.code == "output_exists"
    assert os.listdir(tmp_path / "scans") == ["ct.nii.gz"]


def test_an_empty_folder_is_taken(made, tmp_path):
    (tmp_path / "out").mkdir()
    write_prediction(made, tmp_path / "out")
    assert Prediction.read(tmp_path / "out").case == made.case


def test_a_failure_half_way_leaves_nothing_and_keeps_the_earlier_result(made, tmp_path):
    write_prediction(made, tmp_path / "out")
    before = (tmp_path / "out" / "prediction.json").read_text()

    def fail_half_way():
        with new_folder(tmp_path / "out") as folder:
            (folder / "half.txt").write_text("half")
            raise KeyError("half-way")

    with pytest.raises(KeyError):
        fail_half_way()
    assert (tmp_path / "out" / "prediction.json").read_text() == before
    assert not (tmp_path / "out" / "half.txt").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("what", "raised"),
    [(PermissionError(errno.EACCES, "in use"), OutputError), (SystemExit(), SystemExit)],
    ids=["the new one cannot take its place", "it ends between the two renames"],
)
def test_the_earlier_result_comes_back_when(made, tmp_path, monkeypatch, what, raised):
    write_prediction(made, tmp_path / "out")
    original = Path.rename

    def fail_for_the_new_one(path, target):
        if path.name.startswith(".out-") and not path.name.endswith(".old"):
            raise what
        return original(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(raised):
        write_prediction(made, tmp_path / "out")
    assert Prediction.read(tmp_path / "out") == made
    assert leftovers(tmp_path) == []


def test_what_a_killed_process_left_of_a_result_is_removed_when_the_result_is_written(made, tmp_path):
    left, just_left = tmp_path / ".out-abcd_123.unfinished", tmp_path / ".out-abcd_124.unfinished"
    others = [tmp_path / name for name in (".out-settings", ".out-1-abcd_123.unfinished", "out-abcd_123.unfinished")]
    for folder in (left, left.with_name(left.name + ".old"), just_left, *others):
        folder.mkdir()
        (folder / "prediction.json").write_text("{}")
        if folder != just_left:
            os.utime(folder, (0, 0))
    write_prediction(made, tmp_path / "out")
    assert set(tmp_path.iterdir()) == {tmp_path / "out", just_left, *others}


def test_an_output_below_a_file_is_refused(made, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError) as caught:
        write_prediction(made, tmp_path / "file" / "out")
    assert caught.value.code == "output_not_writable"
    assert "file" in caught.value.message


def test_a_full_disk_is_said_and_leaves_nothing(predictor, files, tmp_path, monkeypatch):
    def full(image, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_image", full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        run_case(predictor, files, tmp_path / "out")
    assert caught.value.code == "output_not_writable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["no json", "broken json", "missing key", "missing image", "newer"])
def test_a_folder_that_is_not_a_whole_prediction_is_refused(made, tmp_path, damage):
    out = tmp_path / "out"
    write_prediction(made, out)
    path = out / "prediction.json"
    values = json.loads(path.read_text())
    if damage == "no json":
        path.unlink()
    elif damage == "broken json":
        path.write_text(path.read_text()[:100])
    elif damage == "missing key":
        del values["logits"]
        path.write_text(json.dumps(values))
    elif damage == "missing image":
        (out / "regions.nii.gz").unlink()
    else:
        path.write_text(json.dumps({**values, "schema": 2}))
    with pytest.raises(OutputError) as caught:
        Prediction.read(out)
    assert caught.value.code == ("newer_prediction" if damage == "newer" else "not_a_prediction")
    assert caught.value.hint
