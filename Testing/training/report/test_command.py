import csv
import json
from html.parser import HTMLParser

import pytest

from REACTKDLib.imaging.errors import ReactKDError
from training.report import command
from training.report.command import report_run
from training.report.explanations import read_explanations


class Page(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]


@pytest.fixture(scope="module")
def report(small_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "report"
    report_run(small_run, out, explanations=1, device="cpu")
    return out


def test_the_page_holds_everything_itself(report):
    page = Page((report / "index.html").read_text(encoding="utf-8"))
    assert page.tags.count("img") == len(list((report / "figures").glob("*.png"))) > 5
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "script" not in page.tags
    assert "default-src 'none'" in (report / "index.html").read_text(encoding="utf-8")


def test_it_says_what_it_was_made_of_and_that_this_says_nothing_about_patients(report):
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "9 cases of 9 patients (well differentiated 3, moderately differentiated 3, poorly differentiated 3)" in text
    assert "says nothing about patients" in text
    assert text.lower().count("research use only") == 1


def test_what_is_not_trained_is_named_first_and_has_no_numbers(report):
    text = (report / "index.html").read_text(encoding="utf-8")
    assert text.index("Not in this report") < text.index("All results")
    for title in ("student alone, fold 0, seed 0: waiting", "teacher dual, fold 2, seed 0: waiting"):
        assert title in text
    with (report / "tables/results.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for job, folds in (("teacher-dual", "1, 2"), ("student-alone", "0, 1, 2")):
        found = {(line["estimate"], line["auc"]) for line in lines if line["job"] == job}
        assert found == {(f"incomplete, missing: fold {folds} of seed 0", "")}


def test_every_table_is_there_for_reading_for_print_and_for_computing(report):
    stems = {path.stem for path in (report / "tables").iterdir()}
    assert {"results", "table3", "costs", "explanations"} <= stems
    for stem in stems:
        assert {path.suffix for path in (report / "tables").glob(f"{stem}.*")} == {".md", ".csv", ".tex"}
    assert "Paper: AUC" in (report / "tables/table3.md").read_text(encoding="utf-8")
    assert all(path.read_text(encoding="utf-8").isascii() for path in (report / "tables").glob("*.tex"))


def test_what_explanations_are_worth_is_there_case_by_case(report):
    found = read_explanations(report / "data/explanations.csv")
    with (report / "tables/explanations.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(of.network, of.map) for of in found.explained] == [(line["network"], line["map"]) for line in lines]
    means = [of.values["deletion"].mean() for of in found.explained]
    assert means == pytest.approx([float(line["deletion"]) for line in lines])


def test_a_new_report_takes_the_place_of_an_old_one(report, small_run):
    before = (report / "tables/table3.md").read_bytes()
    (report / "tables/old.md").write_text("old")
    report_run(small_run, report, explanations=0, device="cpu")
    assert (report / "tables/table3.md").read_bytes() == before
    assert {path.name for path in report.iterdir()} == {"index.html", "tables", "figures"}
    assert not (report / "tables/old.md").exists()
    assert [path.name for path in report.parent.iterdir()] == ["report"]


def test_a_folder_of_something_else_is_left_alone(small_run, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ReactKDError, match="something else than a report") as error:
        report_run(small_run, tmp_path, device="cpu")
    assert error.value.code == "other_folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_full_disk_leaves_no_half_report(small_run, tmp_path, monkeypatch):
    def full(page, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "write_page", full)
    with pytest.raises(ReactKDError, match="No space left on device"):
        report_run(small_run, tmp_path / "report", explanations=0, device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_reference_that_is_not_in_the_run_is_refused_with_those_that_are(small_run, tmp_path):
    with pytest.raises(ReactKDError, match="no results of student-kd") as error:
        report_run(small_run, tmp_path / "report", reference="student-kd", device="cpu")
    assert "student-react_kd" in error.value.hint


def test_what_is_no_run_or_has_no_results_yet_is_said(small_run, tmp_path):
    with pytest.raises(ReactKDError, match="not the folder of a run"):
        report_run(tmp_path, device="cpu")
    (tmp_path / "config.yaml").write_bytes((small_run / "config.yaml").read_bytes())
    (tmp_path / "folds.json").write_text(json.dumps({"validation": [["a"], ["b"], ["c"]]}))
    with pytest.raises(ReactKDError, match="no finished job has predictions"):
        report_run(tmp_path, device="cpu")
