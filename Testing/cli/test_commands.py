import csv
import re

import pytest

from REACTKDLib.inference.demo_model import demo_model


def test_inspect_shows_the_card_of_a_verified_model(reactkd, model):
    run = reactkd("inspect", model)
    assert run.status == 0
    assert "files verified" in run.out
    assert "hu_window" in run.out


def test_inspect_without_a_folder_shows_the_demo_model_and_what_it_was_trained_on(reactkd):
    run = reactkd("inspect", "--json")
    assert run.json["training"]["phantoms"] is True
    assert "phantom" in run.json["training"]["data"]


def test_inspect_refuses_a_damaged_model(reactkd, tmp_path):
    import shutil

    folder = shutil.copytree(demo_model(), tmp_path / "m")
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    run = reactkd("inspect", folder, "--json")
    assert run.status == 2
    assert run.json["code"] == "model_hash"


def test_phantoms_come_with_a_cohort_that_batch_takes(reactkd, model, tmp_path):
    assert reactkd("phantom", "--out", tmp_path / "p", "--count", 2, "--seed", 4, "--lesions", 2).status == 0
    rows = list(csv.DictReader((tmp_path / "p" / "cohort.csv").open()))
    assert [row["case"] for row in rows] == ["phantom_0004", "phantom_0005"]
    run = reactkd("batch", tmp_path / "p" / "cohort.csv", "--dry-run", "--out", tmp_path / "none")
    assert run.status == 0
    assert not (tmp_path / "none").exists()
    run = reactkd("batch", tmp_path / "p" / "cohort.csv", "--out", tmp_path / "out", "--model", model, "--no-report")
    assert run.status == 0
    assert re.search(r"2 done of 2 cases", run.out)
    assert (tmp_path / "out" / "summary.csv").exists()


def test_the_exit_status_of_a_cohort_says_if_any_case_failed(reactkd, model, phantom, tmp_path):
    (tmp_path / "cohort.csv").write_text(
        f"case,ct,segmentation\ngood,{phantom}/ct.nii.gz,{phantom}/segmentation.seg.nrrd\n"
        f"bad,{phantom}/missing.nii.gz,{phantom}/segmentation.seg.nrrd\n"
    )
    run = reactkd("batch", tmp_path / "cohort.csv", "--out", tmp_path / "out", "--model", model, "--no-report")
    assert run.status == 1
    assert "bad: failed, missing_file" in run.out
    assert "1 done, 1 failed of 2 cases" in run.out


def test_a_cohort_run_again_with_fewer_cases_says_whose_results_are_there_besides(reactkd, model, phantom, tmp_path):
    lines = [f"{name},{phantom}/ct.nii.gz,{phantom}/segmentation.seg.nrrd" for name in ("one", "two")]
    command = ("batch", tmp_path / "cohort.csv", "--out", tmp_path / "out", "--model", model, "--no-report")
    for cases in (lines, lines[:1]):
        (tmp_path / "cohort.csv").write_text("\n".join(["case,ct,segmentation", *cases]))
        run = reactkd(*command)
        assert run.status == 0
        assert ("other runs" in run.out) == (cases != lines)
    assert run.out.splitlines()[-1].endswith(": two")
    assert "other runs" not in reactkd(*command, "--dry-run").out


def test_a_phantom_that_cannot_be_is_refused_by_the_parser(reactkd, tmp_path):
    with pytest.raises(SystemExit) as caught:
        reactkd("phantom", "--out", tmp_path, "--grade", 3)
    assert caught.value.code == 2


@pytest.mark.parametrize("option", [("--count", 0), ("--seed", -1)])
def test_numbers_that_make_no_sense_are_refused_by_the_parser(reactkd, tmp_path, option):
    with pytest.raises(SystemExit):
        reactkd("phantom", "--out", tmp_path, *option)


def test_help_names_every_command(capsys):
    from REACTKDLib.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for command in ("predict", "batch", "inspect", "phantom", "demo"):
        assert command in text


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_report_and_says_where_things_are(reactkd, tmp_path):
    run = reactkd("demo", "--out", tmp_path / "demo", "--device", "cpu")
    assert run.status == 0
    for name in ("report.html", "prediction.json", "regions.nii.gz"):
        assert (tmp_path / "demo" / "prediction" / name).exists()
        assert name in run.out
    assert "synthetic" in run.out
