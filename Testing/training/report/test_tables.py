from dataclasses import replace

import pytest

from training.engine.settings import StudentSettings, TeacherSettings
from training.evaluation.metrics import METRICS
from training.evaluation.summary import FACTS
from training.evaluation.table import Column, Table, Value
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import read_experiment
from training.report.paper import DOSES, INPUTS, METHODS, PARTS
from training.report.tables import table_1, table_2, table_3, table_4

BOTH = "ct+fdg"


def summary(*entries: tuple[str, str, str]) -> Table:
    """Two lines an entry, each number that of its line."""
    columns = FACTS + tuple(Column(name, METRICS[name].title) for name in METRICS)
    rows = []
    for job, inputs, dose in entries:
        for estimate in ("over folds", "pooled"):
            values = [Value(len(rows) / 100, style="percent")] * len(METRICS)
            rows.append((job, inputs, dose, "0", "9 of 9", estimate, *values))
    return Table("Metrics", columns, tuple(rows), ("How.", "What."), "Phantoms.")


def experiment(**students: StudentSettings) -> Experiment:
    teachers = {"dual": TeacherSettings(), "structure": TeacherSettings(branches=("structure",))}
    return Experiment(phantoms=PhantomCohort(), teachers=teachers, students=students)


def read(table: Table) -> list[dict[str, str]]:
    keys = [column.key for column in table.columns]
    return [{key: str(cell) for key, cell in zip(keys, row, strict=True)} for row in table.rows]


def test_a_number_that_the_paper_prints_twice_is_the_same_here():
    ours = {name: METHODS["react_kd"].values[name] for name in ("accuracy", "f1", "auc")}
    assert ours == PARTS[True, True, True].values == INPUTS["pet+ct"].values
    assert {name: METHODS["kd"].values[name] for name in ours} == PARTS[False, False, False].values


def test_each_method_stands_beside_the_papers_numbers_and_its_variants_do_not():
    students = {
        "ours": StudentSettings(),
        "weaker": StudentSettings(options={"rgd": 0}),
        "hinton": StudentSettings(method="kd", cbam="own"),
        "control": StudentSettings(method="alone", teacher=None),
        "of_half": StudentSettings(teacher="structure"),
    }
    jobs = [f"student-{name}" for name in students]
    found = read(table_1(experiment(**students), summary(*((job, BOTH, "native") for job in jobs)), BOTH))
    first = {line["job"]: line for line in found if line["estimate"] == "over folds"}
    assert first["student-ours"]["paper_auc"] == "93.5"
    assert first["student-hinton"]["method"] == "KD"
    assert first["student-hinton"]["paper_accuracy"] == "70.1"
    assert all(first[f"student-{name}"]["paper_auc"] == "" for name in ("weaker", "control", "of_half"))
    assert all(line["paper_auc"] == "" for line in found if line["estimate"] == "pooled")
    assert [line["accuracy"] for line in found] == [f"{number}.0" for number in range(10)]


def test_teachers_stand_below_the_methods_with_the_inputs_that_they_read():
    students = {"ours": StudentSettings(), "hinton": StudentSettings(method="kd")}
    entries = [("student-ours", BOTH, "native"), ("student-hinton", BOTH, "native")]
    entries += [("teacher-dual", "ct+fdg+act", dose) for dose in ("native", "severe")]
    found = read(table_1(experiment(**students), summary(*entries), BOTH))
    assert [line["job"] for line in found][-2:] == ["teacher-dual"] * 2
    assert len(found) == 6


def test_parts_of_the_method_are_told_from_settings_and_not_from_names():
    students = {
        "a": StudentSettings(),
        "b": StudentSettings(options={"rgd": 0.0}),
        "c": StudentSettings(teacher="structure", cbam="none", options={"rgd": 0}),
        "other": StudentSettings(modality_dropout=0),
        "kd": StudentSettings(method="kd"),
    }
    entries = [(f"student-{name}", BOTH, "native") for name in students]
    found = read(table_2(experiment(**students), summary(*entries), "student-a", BOTH))[::2]
    marks = {line["student"]: (line["dose_teacher"], line["region_graphs"], line["cbam3d"]) for line in found}
    assert marks == {"a": ("✓", "✓", "✓"), "b": ("✓", "–", "✓"), "c": ("–", "–", "–")}
    assert [line["paper_auc"] for line in found] == ["93.5", "87.2", "83.8"]


def test_all_eight_cells_of_the_papers_table_2_are_in_the_experiment_of_that_name():
    found = read_experiment("table2")
    entries = [(f"student-{name}", BOTH, "native") for name in found.students]
    lines = read(table_2(found, summary(*entries), "student-react_kd", BOTH))[::2]
    assert len({(line["dose_teacher"], line["region_graphs"], line["cbam3d"]) for line in lines}) == 8
    for line in lines:
        of_student = found.students[line["student"]]
        assert found.teachers[of_student.teacher].cbam == (line["cbam3d"] == "✓")


@pytest.mark.parametrize("tracer", ["fdg", "act"])
def test_inputs_come_in_the_papers_order_whatever_the_tracer_is(tracer):
    entries = [("student-x", inputs, "native") for inputs in ("ct", tracer, f"ct+{tracer}")]
    entries += [("student-x", "ct", "severe"), ("student-y", "ct", "native")]
    found = read(table_3(summary(*entries), "student-x"))[::2]
    assert [line["inputs"] for line in found] == [f"ct+{tracer}", tracer, "ct"]
    assert [line["paper_f1"] for line in found] == ["79.4", "70.8", "73.9"]


def test_the_papers_other_cohort_has_no_pet_and_so_only_ct_alone_stands_beside_it():
    entries = [("student-x", inputs, dose) for inputs in (BOTH, "ct") for dose in (*DOSES, "legacy")]
    found = read(table_4(summary(*entries), "student-x"))[::2]
    beside = {(line["inputs"], line["dose"]): line["paper_auc"] for line in found if line["paper_auc"]}
    assert beside == {("ct", dose): f"{of.values['auc']:.1f}" for dose, of in DOSES.items()}


def test_a_job_without_results_is_named_in_the_papers_table_too():
    students = {"ours": StudentSettings(), "hinton": StudentSettings(method="kd")}
    whole = summary(("student-ours", BOTH, "native"))
    gap = ("student-hinton", "", "", "", "", "incomplete, missing: fold 1 of seed 0", *[""] * len(METRICS))
    found = read(table_1(experiment(**students), replace(whole, rows=(*whole.rows, gap)), BOTH))
    assert [line["estimate"] for line in found if line["job"] == "student-hinton"] == [gap[5]]


def test_there_is_no_table_where_nothing_is_compared():
    one = experiment(ours=StudentSettings())
    only = summary(("student-ours", BOTH, "native"))
    assert table_1(one, only, BOTH) is table_2(one, only, "student-ours", BOTH) is table_3(only, "student-ours") is None


def test_the_note_and_the_papers_source_are_printed_below():
    table = table_4(summary(("student-x", "ct", "native")), "student-x")
    assert table.note == "Phantoms."
    assert "private cohort of 97 patients" in table.markdown()
