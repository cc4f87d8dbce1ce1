import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.inference import batch as module
from REACTKDLib.inference.batch import (
    BatchOptions,
    CaseStatus,
    check_cohort,
    other_results,
    read_cohort,
    run_cohort,
)
from REACTKDLib.inference.batch_lines import say_other_results, say_statuses
from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.inference.prediction import OutputError, Prediction
from REACTKDLib.inference.run import run_case

PROJECT = Path(module.__file__).parents[2]


def write_cohort(folder: Path, rows: list[dict]) -> Path:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "cohort.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / "cohort.csv"


@pytest.fixture
def cohort(tmp_path, phantom_folder) -> Path:
    """Three cases; the second has no image in its CT file."""
    (tmp_path / "broken.nii.gz").write_text("no image")
    relative = os.path.relpath(phantom_folder, tmp_path)
    good = {"ct": f"{relative}/ct.nii.gz", "segmentation": f"{relative}/segmentation.seg.nrrd"}
    return write_cohort(
        tmp_path,
        [
            {"case": "one", **good},
            {"case": "two", **good, "ct": "broken.nii.gz"},
            {"case": "three", **good, "pet_fdg": f"{relative}/pet_fdg.nii.gz"},
        ],
    )


@pytest.fixture
def options(model_folder) -> BatchOptions:
    return BatchOptions(str(model_folder), "cpu", report=False)


def summary(out: Path) -> dict[str, dict]:
    with (out / "summary.csv").open(newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def results(cohort, out, options, jobs=1):
    return {status.case: status for status in run_cohort(read_cohort(cohort), out, options, jobs)}


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_case_never_stops_the_cohort(cohort, tmp_path, options, jobs):
    statuses = results(cohort, tmp_path / "out", options, jobs)
    assert {name: status.status for name, status in statuses.items()} == {
        "one": "done", "two": "failed", "three": "done",
    }  # fmt: skip
    rows = summary(tmp_path / "out")
    assert list(rows) == ["one", "two", "three"]
    assert rows["two"]["code"] == "unreadable"
    assert rows["two"]["grade"] == ""
    assert rows["three"]["lesions"] == "3"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one", "summary.csv", "three"]


def test_a_cohort_gives_the_logits_of_single_predictions(cohort, tmp_path, options, predictor):
    results(cohort, tmp_path / "out", options)
    for files in (read_cohort(cohort)[0], read_cohort(cohort)[2]):
        alone = run_case(predictor, files, tmp_path / "alone" / files.name, report=False)
        assert Prediction.read(tmp_path / "out" / files.name).logits == alone.logits


def test_resume_redoes_nothing_that_is_done(cohort, tmp_path, options):
    results(cohort, tmp_path / "out", options)
    before = {name: (tmp_path / "out" / name / "prediction.json").stat().st_mtime_ns for name in ("one", "three")}
    resumed = results(cohort, tmp_path / "out", BatchOptions(**{**vars(options), "resume": True}))
    assert [status.status for status in resumed.values()] == ["skipped", "failed", "skipped"]
    assert before == {name: (tmp_path / "out" / name / "prediction.json").stat().st_mtime_ns for name in before}
    assert summary(tmp_path / "out")["one"]["grade"] != ""


def test_resume_redoes_a_case_whose_files_changed(cohort, tmp_path, options, phantom_folder):
    results(cohort, tmp_path / "out", options)
    rows = list(csv.DictReader(cohort.open()))
    rows[0]["pet_fdg"] = rows[2]["pet_fdg"]
    write_cohort(tmp_path, rows)
    resumed = results(cohort, tmp_path / "out", BatchOptions(**{**vars(options), "resume": True}))
    assert resumed["one"].status == "done"
    assert resumed["three"].status == "skipped"


def test_resume_redoes_a_case_whose_voxels_changed_beside_the_same_header(tmp_path, options, phantom_folder):
    ct = sitk.ReadImage(str(phantom_folder / "ct.nii.gz"))
    sitk.WriteImage(ct, str(tmp_path / "ct.hdr"))
    row = {"case": "one", "ct": "ct.hdr", "segmentation": phantom_folder / "segmentation.seg.nrrd"}
    cohort, again = write_cohort(tmp_path, [row]), replace(options, resume=True)
    assert results(cohort, tmp_path / "out", options)["one"].status == "done"
    assert results(cohort, tmp_path / "out", again)["one"].status == "skipped"
    header = (tmp_path / "ct.hdr").read_bytes()
    sitk.WriteImage(ct + 1, str(tmp_path / "ct.hdr"))
    assert (tmp_path / "ct.hdr").read_bytes() == header
    assert results(cohort, tmp_path / "out", again)["one"].status == "done"


def test_resume_redoes_a_case_whose_selection_changed(cohort, tmp_path, options):
    results(cohort, tmp_path / "out", options)
    rows = list(csv.DictReader(cohort.open()))
    rows[0]["tumor_segment"] = "Tumor"
    write_cohort(tmp_path, rows)
    resumed = results(cohort, tmp_path / "out", BatchOptions(**{**vars(options), "resume": True}))
    assert [resumed[name].status for name in ("one", "three")] == ["done", "skipped"]


def test_the_summary_names_no_file(cohort, tmp_path, options):
    results(cohort, tmp_path / "out", options)
    assert "broken.nii.gz" not in (tmp_path / "out" / "summary.csv").read_text()


def test_the_summary_says_which_input_of_a_failed_case_is_wrong_as_the_cohort_calls_it(
    tmp_path, options, phantom_folder
):
    good = {"ct": phantom_folder / "ct.nii.gz", "liver": phantom_folder / "liver.nii.gz"}
    wrong = {"ct": "ct", "mask": "liver", "tumour": "tumor", "pet": "pet_fdg"}
    rows = [{"case": case, **good, name: "gone.nii.gz"} for case, name in wrong.items()]
    results(write_cohort(tmp_path, [*rows, {"case": "sound", **good}]), tmp_path / "out", options)
    assert {case: row["input"] for case, row in summary(tmp_path / "out").items()} == {**wrong, "sound": ""}


def test_a_case_without_a_tumour_has_no_grade_in_the_summary_nor_in_its_line(tmp_path, options, phantom_folder):
    row = {"case": "bare", "ct": phantom_folder / "ct.nii.gz", "liver": phantom_folder / "liver.nii.gz"}
    statuses = list(run_cohort(read_cohort(write_cohort(tmp_path, [row])), tmp_path / "out", options))
    of = summary(tmp_path / "out")["bare"]
    assert (of["status"], of["abstain"], of["grade"], of["grade_name"]) == ("done", "True", "", "")
    said = []
    say_statuses(statuses, 1, said.append)
    assert "done, no grade: the model abstains" in said[0]


def test_the_input_is_the_summarys_last_column_so_that_the_others_keep_their_places(cohort, tmp_path, options):
    before = ["case", "status", "seconds", "code", "hint", "grade", "grade_name"]
    for cases in (read_cohort(cohort), read_cohort(cohort)[::-1], read_cohort(cohort)[1:]):
        list(run_cohort(cases, tmp_path / "out", options))
        columns = list(next(iter(summary(tmp_path / "out").values())))
        assert columns[: len(before)] == before
        assert columns[-1] == "input"


def test_results_of_other_runs_in_the_same_folder_are_named_and_left_as_they_are(cohort, tmp_path, options):
    out, cases = tmp_path / "out", read_cohort(cohort)
    list(run_cohort(cases, out, options))
    (out / "notes").mkdir()
    (out / "four~outdated").mkdir()
    (out / "four~outdated" / "prediction.json").touch()
    assert other_results(out, cases) == []
    before = (out / "three" / "prediction.json").read_bytes()
    list(run_cohort(cases[:2], out, options))
    assert list(summary(out)) == ["one", "two"]
    assert other_results(out, cases[:2]) == ["three"]
    assert (out / "three" / "prediction.json").read_bytes() == before


def test_of_many_results_of_other_runs_some_are_named(tmp_path):
    said = []
    say_other_results(tmp_path, [], said.append)
    assert said == []
    for number in range(7):
        (tmp_path / f"case{number}").mkdir()
        (tmp_path / f"case{number}" / "prediction.json").touch()
    say_other_results(tmp_path, [CaseFiles(name="case0", ct="")], said.append)
    (line,) = said
    assert "case0" not in line
    assert line.endswith("case1, case2, case3, case4, case5 and 1 more")


def test_a_dry_run_checks_every_case_and_writes_nothing(cohort, tmp_path):
    before = sorted(tmp_path.iterdir())
    statuses = {status.case: status for status in check_cohort(read_cohort(cohort))}
    assert {name: status.status for name, status in statuses.items()} == {
        "one": "checked", "two": "failed", "three": "checked",
    }  # fmt: skip
    assert sorted(tmp_path.iterdir()) == before


def kill_on_two(prediction, case, folder):
    """An extra that ends its process as a crash would, for one case."""
    if case.name == "two":
        os.kill(os.getpid(), signal.SIGKILL)
    return []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_case_that_kills_its_process_is_reported_and_the_others_are_done(tmp_path, phantom_folder, model_folder):
    good = {"ct": phantom_folder / "ct.nii.gz", "segmentation": phantom_folder / "segmentation.seg.nrrd"}
    cohort = write_cohort(tmp_path, [{"case": name, **good} for name in ("one", "two", "three")])
    options = BatchOptions(str(model_folder), "cpu", report=False, extras=kill_on_two)
    statuses = results(cohort, tmp_path / "out", options, jobs=2)
    assert statuses["two"].error["code"] == "crashed"
    assert [statuses[name].status for name in ("one", "three")] == ["done", "done"]
    assert summary(tmp_path / "out")["two"]["code"] == "crashed"


def test_a_summary_that_cannot_be_written_is_said_once_and_the_cases_go_on(cohort, tmp_path, options):
    (tmp_path / "out" / "summary.csv" / "in use").mkdir(parents=True)
    statuses = run_cohort(read_cohort(cohort), tmp_path / "out", options)
    seen = [next(statuses) for _ in range(3)]
    assert [status.status for status in seen] == ["done", "failed", "done"]
    assert ["summary.csv" in status.note for status in seen] == [True, False, False]
    with pytest.raises(OutputError, match=r"summary\.csv") as caught:
        next(statuses)
    assert caught.value.code == "summary_not_writable"
    assert "--resume" in caught.value.hint
    assert list((tmp_path / "out").glob(".*")) == []


def test_a_summary_that_can_be_written_again_is(cohort, tmp_path, options):
    (tmp_path / "out" / "summary.csv").mkdir(parents=True)
    statuses = run_cohort(read_cohort(cohort), tmp_path / "out", options)
    next(statuses)
    (tmp_path / "out" / "summary.csv").rmdir()
    list(statuses)
    assert list(summary(tmp_path / "out")) == ["one", "two", "three"]


def test_the_result_of_an_earlier_run_is_marked_where_its_case_fails_now(cohort, tmp_path, options):
    out, cases = tmp_path / "out", read_cohort(cohort)
    good = [replace(case, ct=cases[0].ct) for case in cases]
    for _ in range(2):  # the second time, an outdated result is there already
        assert not any(status.note for status in run_cohort(good, out, options))
        notes = {status.case: status.note for status in run_cohort(cases, out, options)}
        assert "two~outdated" in notes.pop("two")
        assert not any(notes.values())
        assert sorted(p.name for p in out.iterdir()) == ["one", "summary.csv", "three", "two~outdated"]
    assert Prediction.read(out / "two~outdated").case == "two"


def test_a_note_is_part_of_what_is_said_of_a_case():
    said = []
    say_statuses([CaseStatus("a", "failed", error={"code": "x", "message": "bad"}, note="moved")], 1, said.append)
    assert said[0] == "[1/1] a: failed, x: bad (moved)"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_terminated_cohort_ends_its_processes_and_leaves_nothing_half_written(cohort, tmp_path, model_folder):
    (tmp_path / "cohort.py").write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from REACTKDLib.inference.batch import BatchOptions, read_cohort, run_cohort\n"
        "from REACTKDLib.inference.termination import exit_on_sigterm\n"
        "def wait(prediction, case, folder):\n"
        "    (folder / 'begun').touch()\n"
        "    time.sleep(100)\n"
        "if __name__ == '__main__':\n"
        "    exit_on_sigterm()\n"
        f"    options = BatchOptions({str(model_folder)!r}, 'cpu', report=False, extras=wait)\n"
        "    print(list(run_cohort(read_cohort('cohort.csv'), Path('out'), options, 2)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen([sys.executable, "cohort.py"], cwd=tmp_path, env=environment)
    try:
        end = time.monotonic() + 120
        while len(list(tmp_path.glob("out/.*/begun"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        process.terminate()
        assert process.wait(timeout=30) == 143
    finally:
        process.kill()
    assert list((tmp_path / "out").glob(".*")) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"case": "a"}], "columns"),
        ([{"case": "a", "ct": "x", "gender": "f"}], "columns"),
        ([{"case": "a", "ct": "x"}, {"case": "a", "ct": "y"}], "twice: a, a"),
        ([{"case": "Good", "ct": "x"}, {"case": "b", "ct": "x"}, {"case": "good", "ct": "y"}], "twice: Good, good"),
        ([{"case": "Summary.csv", "ct": "x"}], "folder's name"),
        ([{"case": "../a", "ct": "x"}], "folder's name"),
        ([{"case": "", "ct": "x"}], "folder's name"),
        ([{"case": "a", "ct": ""}], "no ct in line 2"),
        ([{"case": "a", "ct": "x", "acquisition": "late"}], "not a number"),
    ],
)
def test_a_cohort_that_cannot_be_meant_is_refused(tmp_path, rows, words):
    with pytest.raises(CaseError, match=words) as caught:
        read_cohort(write_cohort(tmp_path, rows))
    assert caught.value.code == "bad_cohort"
    assert "case and ct" in caught.value.hint


def test_a_cohort_without_rows_is_refused(tmp_path):
    (tmp_path / "cohort.csv").write_text("case,ct\n")
    with pytest.raises(CaseError, match="no rows"):
        read_cohort(tmp_path / "cohort.csv")


def test_a_cohort_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(CaseError) as caught:
        read_cohort(tmp_path / "cohort.csv")
    assert caught.value.code == "missing_file"


@pytest.mark.parametrize("separator", [b",", b";", b"\t"], ids=["comma", "semicolon", "tab"])
def test_a_cohort_is_read_as_spreadsheets_write_it(tmp_path, separator):
    (tmp_path / "cohort.csv").write_bytes(b"\xef\xbb\xbfcase,ct\r\na,x.nii\r\n".replace(b",", separator))
    assert read_cohort(tmp_path / "cohort.csv") == [CaseFiles(name="a", ct=tmp_path / "x.nii")]


def test_a_cohort_in_another_encoding_is_told_which_one_to_use(tmp_path):
    (tmp_path / "cohort.csv").write_bytes("case,ct\na,Bäuerle.nii\n".encode("cp1252"))
    with pytest.raises(CaseError) as caught:
        read_cohort(tmp_path / "cohort.csv")
    assert caught.value.code == "bad_cohort"
    assert "UTF-8" in caught.value.hint


def test_an_interrupted_cohort_keeps_its_summary_and_resumes_to_the_same_result(cohort, tmp_path, options, monkeypatch):
    whole = results(cohort, tmp_path / "whole", options)
    statuses = run_cohort(read_cohort(cohort), tmp_path / "out", options)
    next(statuses)
    statuses.close()
    assert list(summary(tmp_path / "out")) == ["one"]
    resumed = results(cohort, tmp_path / "out", BatchOptions(**{**vars(options), "resume": True}))
    assert resumed["one"].status == "skipped"
    for name in ("one", "three"):
        assert resumed[name].result["logits"] == whole[name].result["logits"]


def test_a_programming_error_in_one_case_is_a_failure_of_that_case(cohort, tmp_path, options, monkeypatch):
    def broken(predictor, files, *args, **kwargs):
        if files.name == "one":
            raise ZeroDivisionError
        return run_case(predictor, files, *args, **kwargs)

    monkeypatch.setattr(module, "run_case", broken)
    statuses = results(cohort, tmp_path / "out", options)
    assert statuses["one"].error["code"] == "internal"
    assert statuses["three"].status == "done"
