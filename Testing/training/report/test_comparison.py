"""Reports of runs of which only configuration, folds and predictions are kept, and of runs that fail in part."""

from pathlib import Path

import pytest

from REACTKDLib.imaging.errors import CaseError, ReactKDError
from Testing.training.evaluation.made_runs import FOLDS, write_run
from training.cohorts.errors import CohortError
from training.engine.settings import StudentSettings, TeacherSettings
from training.evaluation.bootstrap import Resampling
from training.experiments.config import Experiment, External, PhantomCohort
from training.experiments.reading import to_tree, write_tree
from training.report import comparison, pictures
from training.report.comparison import compare
from training.report.page import Page

FEW = Resampling(resamples=50, permutations=50)
JOBS = {"teacher-dual": 2.0, "student-react_kd": 1.0, "student-alone": 0.5}
EXPERIMENT = Experiment(
    phantoms=PhantomCohort(count=27),
    external=External(phantoms=PhantomCohort(count=6, first_seed=7)),
    teachers={"dual": TeacherSettings()},
    students={"react_kd": StudentSettings(), "alone": StudentSettings(method="alone", teacher=None)},
)


@pytest.fixture
def kept(tmp_path):
    """What `training/results` keeps of a run."""

    def kept(experiment: Experiment = EXPERIMENT, jobs=JOBS, inputs=("ct+fdg", "ct", "fdg"), **options) -> Path:
        run = write_run(tmp_path / "run", jobs, inputs=inputs, **options)
        write_tree(to_tree(experiment), run / "config.yaml")
        return run

    return kept


def tables_of(page: Page) -> dict:
    return {stem: table for chapter in page.chapters for stem, table in chapter.tables.items()}


def line(page: Page, start: str) -> str:
    (found,) = [text for text in page.missing if text.startswith(start)]
    return found


def test_predictions_alone_give_a_report_that_says_what_else_there_would_be(kept):
    page = compare(
        kept(others={"external": [f"p{number}_0" for number in range(50, 56)]}), explanations=2, settings=FEW
    )
    assert {"results", "table1", "table3", "table4", "results_external", "differences_test_ct_native"} <= set(
        tables_of(page)
    )
    assert all(table.latex().isascii() for table in tables_of(page).values())
    stems = {picture.stem for chapter in page.chapters for picture in chapter.pictures}
    assert {"roc", "decision_macro"} <= stems
    for start in ("Figures of student-react_kd's features", "How good explanations are", "What a decision costs"):
        assert "cohort.csv does not exist" in line(page, start)
    # Wherever the run lies: the page may be read elsewhere.
    assert not any("/run" in text for text in page.missing)
    assert page.facts["Cohort"] == (
        "27 cases of 27 patients (well differentiated 9, moderately differentiated 9, poorly differentiated 9); "
        "as predicted, since cohort.csv or the images it names are missing"
    )


@pytest.mark.parametrize("inputs", [("ct+fdg", "ct", "fdg"), ("ct",)])
def test_the_papers_numbers_stand_beside_networks_of_a_cohort_with_pet_alone(kept, inputs):
    others = {"external": [f"p{number}_0" for number in range(50, 56)]}
    tables = tables_of(compare(kept(inputs=inputs, others=others), settings=FEW))
    for stem in ("table1", "table4"):
        table = tables[stem]
        place = [column.key for column in table.columns].index("paper_auc")
        assert any(str(row[place]) for row in table.rows) == (len(inputs) > 1)


def test_the_few_cases_with_fdg_may_lack_a_grade_and_all_else_is_reported(kept):
    well = [name for names in FOLDS for name in names[::3]]
    page = compare(kept(only={"fdg": well}), settings=FEW)
    tables = tables_of(page)
    undefined = [row for row in tables["table3"].rows if str(row[3]).startswith("not defined")]
    assert [row[:3] for row in undefined] == [
        ("student-react_kd", "fdg", "9 of 27"),
        ("student-alone", "fdg", "9 of 27"),
    ]
    assert "differences_test_fdg_native" not in tables
    assert "differences_test_ct_native" in tables
    assert "not defined, no case of grade moderately" in line(page, "Differences from student-react_kd (fdg, native)")


def factorial() -> Experiment:
    """Region graphs times CBAM3D, all of one teacher."""
    cells = {"react_kd": {}, "no_rgd": {"options": {"rgd": 0}}, "no_cbam": {"cbam": "none"}}
    cells["neither"] = cells["no_rgd"] | cells["no_cbam"]
    students = {name: StudentSettings(**settings) for name, settings in cells.items()}
    return Experiment(phantoms=PhantomCohort(count=27), teachers={"dual": TeacherSettings()}, students=students)


def test_a_factorial_design_has_its_main_effects(kept):
    jobs = {"student-react_kd": 2.0, "student-no_rgd": 0.5, "student-no_cbam": 2.0, "student-neither": 0.5}
    tables = tables_of(compare(kept(factorial(), jobs), settings=FEW))
    parts = [row[:4] for row in tables["parts_ct_fdg_native"].rows if row[5] == "AUC"]
    assert parts == [("Region graphs", 2, "ct+fdg", "native"), ("CBAM3D", 2, "ct+fdg", "native")]


def test_main_effects_wait_for_jobs_that_nobody_has_begun(kept):
    jobs = {"student-react_kd": 2.0, "student-no_rgd": 0.5, "student-no_cbam": 2.0}
    page = compare(kept(factorial(), jobs), settings=FEW)
    assert line(page, "What each part brings (ct, native)").endswith("student-neither has no results.")
    assert not any(stem.startswith("parts") for stem in tables_of(page))


def test_students_and_teachers_that_nobody_has_begun_have_their_lines_too(kept):
    page = compare(kept(jobs={"student-react_kd": 1.0, "student-hinton": 1.0}), settings=FEW)
    for stem in ("results", "table1", "table3", "differences_test_ct_native"):
        text = tables_of(page)[stem].markdown()
        assert "student-alone" in text
        assert "incomplete, missing: fold 0, 1, 2 of seed 0" in text
    assert "teacher-dual" in tables_of(page)["table1"].markdown()


def test_the_reference_is_a_network_with_results(kept):
    run = kept(jobs={"student-alone": 1.0})
    assert compare(run, settings=FEW).facts["Compared with"] == "student-alone"
    with pytest.raises(ReactKDError, match="no results of student-react_kd"):
        compare(run, reference="student-react_kd", settings=FEW)


def test_what_fails_is_named_with_the_reason_and_costs_nothing_else(small_run, monkeypatch):
    def fail(error: Exception):
        def failing(*_, **__):
            raise error

        return failing

    monkeypatch.setattr(pictures, "attention_figure", fail(CaseError("unreadable", "The CT of case 3 is damaged.")))
    monkeypatch.setattr(comparison, "costs_of_run", fail(CohortError("bad_cache", "The cache is of another cohort.")))
    monkeypatch.setattr(comparison, "explain", fail(ValueError("all regions have the same attention")))
    page = compare(small_run, explanations=1, settings=FEW)
    assert "The CT of case 3 is damaged." in line(page, "Figure attention")
    assert "The cache is of another cohort." in line(page, "What a decision costs")
    assert "all regions have the same attention." in line(page, "How good explanations are")
    assert "results" in tables_of(page)
    monkeypatch.setattr(pictures, "read_networks", fail(CohortError("bad_cache", "The cache is gone.")))
    page = compare(small_run, explanations=1, settings=FEW)
    assert "The cache is gone." in line(page, "Figures of student-react_kd's features and attention")
    assert "The cache is gone." in line(page, "How good explanations are")


def test_a_reference_without_a_trained_fold_has_no_explanations(kept, monkeypatch):
    monkeypatch.setattr(comparison, "networks_of", lambda *_: {})
    page = compare(kept(), explanations=1, settings=FEW)
    assert "no fold of student-react_kd is trained" in line(page, "How good explanations are")
