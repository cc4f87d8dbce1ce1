from dataclasses import replace

import numpy as np
import pytest

from training.data.draws import PerturbationSettings
from training.engine.settings import StudentSettings, TeacherSettings
from training.evaluation.metrics import METRICS, measure
from training.evaluation.summary import FACTS
from training.evaluation.table import Column, Table, Value
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import read_experiment
from training.methods import method_class, method_names
from training.report.paper import ACCURACY, DOSES, INPUTS, METHODS, PARTS
from training.report.tables import pairs_of_parts, table_1, table_2, table_3, table_4

BOTH = "ct+fdg"
GAP = "incomplete, missing: fold 1 of seed 0"
ONE = Experiment(phantoms=PhantomCohort(), students={"x": StudentSettings()})


def summary(*entries: tuple[str, str, str], seeds: str = "0", cases: str = "9 of 9") -> Table:
    """Two lines an entry, each number that of its line."""
    columns = FACTS + tuple(Column(name, METRICS[name].title) for name in METRICS)
    rows = []
    for job, inputs, dose in entries:
        for estimate in ("over folds", "pooled"):
            values = [Value(len(rows) / 100, style="percent")] * len(METRICS)
            rows.append((job, inputs, dose, seeds, cases, estimate, *values))
    return Table("Metrics", columns, tuple(rows), ("How.", "What."), "Phantoms.")


def with_gaps(whole: Table, *jobs: str) -> Table:
    """With jobs that have not finished anywhere."""
    return replace(whole, rows=(*whole.rows, *((job, "", "", "", "", GAP, *[""] * len(METRICS)) for job in jobs)))


def experiment(**students: StudentSettings) -> Experiment:
    teachers = {"dual": TeacherSettings()} | {name: TeacherSettings(branches=(name,)) for name in ("structure", "dose")}
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
        "own_cbam": StudentSettings(cbam="own"),
    }
    jobs = [f"student-{name}" for name in students]
    found = read(table_1(experiment(**students), summary(*((job, BOTH, "native") for job in jobs)), BOTH))
    first = {line["job"]: line for line in found if line["estimate"] == "over folds"}
    assert first["student-ours"]["paper_auc"] == "93.5"
    assert first["student-hinton"]["method"] == "KD"
    assert first["student-hinton"]["paper_accuracy"] == "70.1"
    assert all(first[f"student-{name}"]["paper_auc"] == "" for name in ("weaker", "control", "of_half", "own_cbam"))
    assert all(line["paper_auc"] == "" for line in found if line["estimate"] == "pooled")
    assert [line["accuracy"] for line in found] == [f"{number}.0" for number in range(12)]


def test_teachers_stand_below_the_methods_with_the_inputs_that_they_read():
    students = {"ours": StudentSettings(), "hinton": StudentSettings(method="kd")}
    entries = [("student-ours", BOTH, "native"), ("student-hinton", BOTH, "native")]
    entries += [("teacher-dual", "ct+fdg+act", dose) for dose in ("native", "severe")]
    found = read(table_1(experiment(**students), summary(*entries), BOTH))
    assert [(line["method"], line["job"]) for line in found][-2:] == [("Teacher (ct+fdg+act)", "teacher-dual")] * 2
    assert len(found) == 6


def test_parts_of_the_method_are_told_from_settings_and_not_from_names():
    students = {
        "a": StudentSettings(),
        "b": StudentSettings(options={"rgd": 0.0}),
        "c": StudentSettings(teacher="structure", cbam="none", options={"rgd": 0}),
        "other": StudentSettings(modality_dropout=0),
        "kd": StudentSettings(method="kd"),
        "own_cbam": StudentSettings(cbam="own"),
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


def test_each_part_has_four_pairs_of_students_that_differ_in_it_alone():
    pairs = pairs_of_parts(read_experiment("table2"), "student-react_kd")
    assert {part: sorted(of) for part, of in pairs.items()} == {
        "Dose teacher": [
            ("student-only_dose", "student-none"),
            ("student-only_dose_cbam", "student-only_cbam"),
            ("student-only_dose_rgd", "student-only_rgd"),
            ("student-react_kd", "student-only_rgd_cbam"),
        ],
        "Region graphs": [
            ("student-only_dose_rgd", "student-only_dose"),
            ("student-only_rgd", "student-none"),
            ("student-only_rgd_cbam", "student-only_cbam"),
            ("student-react_kd", "student-only_dose_cbam"),
        ],
        "CBAM3D": [
            ("student-only_cbam", "student-none"),
            ("student-only_dose_cbam", "student-only_dose"),
            ("student-only_rgd_cbam", "student-only_rgd"),
            ("student-react_kd", "student-only_dose_rgd"),
        ],
    }


def test_a_part_that_one_pair_tells_of_is_left_to_the_differences():
    students = {"a": StudentSettings(), "b": StudentSettings(options={"rgd": 0})}
    assert pairs_of_parts(experiment(**students), "student-a") == {}
    assert pairs_of_parts(experiment(**students), "student-unknown") == {}


@pytest.mark.parametrize("tracer", ["fdg", "act"])
def test_inputs_come_in_the_papers_order_whatever_the_tracer_is(tracer):
    entries = [("student-x", inputs, "native") for inputs in ("ct", tracer, f"ct+{tracer}")]
    entries += [("student-x", "ct", "severe"), ("student-y", "ct", "native")]
    found = read(table_3(ONE, summary(*entries), "student-x"))[::2]
    assert [line["inputs"] for line in found] == [f"ct+{tracer}", tracer, "ct"]
    assert [line["paper_f1"] for line in found] == ["79.4", "70.8", "73.9"]


def test_the_papers_other_cohort_has_no_pet_and_so_only_ct_alone_stands_beside_it():
    entries = [("student-x", inputs, dose) for inputs in (BOTH, "ct") for dose in (*DOSES, "legacy")]
    found = read(table_4(ONE, summary(*entries), "student-x"))[::2]
    beside = {(line["inputs"], line["dose"]): line["paper_auc"] for line in found if line["paper_auc"]}
    assert beside == {("ct", dose): f"{of.values['auc']:.1f}" for dose, of in DOSES.items()}


def test_of_a_cohort_without_pet_nothing_stands_beside_the_papers_numbers():
    """All its teachers read CT alone, whatever their settings say."""
    students = {
        "x": StudentSettings(),
        "without_graphs": StudentSettings(options={"rgd": 0}),
        "hinton": StudentSettings(method="kd", cbam="own"),
    }
    whole = summary(*((f"student-{name}", "ct", "native") for name in students), ("teacher-dual", "ct", "native"))
    one = experiment(**students)
    tables = (
        table_1(one, whole, "ct"),
        table_2(one, whole, "student-x", "ct"),
        table_4(one, whole, "student-x", tracers=()),
    )
    for table in tables:
        assert all(line["paper_auc"] == "" for line in read(table))


def test_of_a_cohort_with_one_tracer_they_do_as_the_teacher_has_pet():
    found = read(table_4(ONE, summary(("student-x", "ct", "native")), "student-x", tracers=("act",)))
    assert found[0]["paper_auc"] == f"{DOSES['native'].values['auc']:.1f}"


def test_a_job_without_results_is_named_in_the_papers_table_too():
    students = {"ours": StudentSettings(), "hinton": StudentSettings(method="kd")}
    whole = with_gaps(summary(("student-ours", BOTH, "native")), "student-hinton", "teacher-dual")
    found = read(table_1(experiment(**students), whole, BOTH))
    for job in ("student-hinton", "teacher-dual"):
        assert [line["estimate"] for line in found if line["job"] == job] == [GAP]
    assert found[-1]["method"] == "Teacher"


def test_there_is_no_table_where_nothing_is_compared():
    one = experiment(ours=StudentSettings())
    only = summary(("student-ours", BOTH, "native"))
    assert table_1(one, only, BOTH) is table_2(one, only, "student-ours", BOTH) is None
    assert table_3(one, only, "student-ours") is table_4(one, only, "student-other") is None


def test_the_note_and_the_papers_source_are_printed_below():
    table = table_4(ONE, summary(("student-x", "ct", "native")), "student-x")
    assert table.note == "Phantoms."
    assert "private cohort of 97 patients" in table.markdown()


def test_a_teacher_without_the_structure_branch_is_in_no_cell_of_table_2():
    students = {
        "of_ct_teacher": StudentSettings(teacher="dose"),
        "without_graphs": StudentSettings(options={"rgd": 0}),
        "a": StudentSettings(),
    }
    whole = summary(*((f"student-{name}", BOTH, "native") for name in students))
    found = read(table_2(experiment(**students), whole, "student-a", BOTH))[::2]
    assert {line["student"]: line["paper_auc"] for line in found} == {"a": "93.5", "without_graphs": "87.2"}
    assert table_2(experiment(**students), whole, "student-of_ct_teacher", BOTH) is None
    one = {name: students[name] for name in ("of_ct_teacher", "without_graphs")}
    assert table_2(experiment(**one), whole, "student-without_graphs", BOTH) is None


def test_lines_of_other_patients_or_seeds_can_be_told():
    students = {"x": StudentSettings(), "alone": StudentSettings(method="alone", teacher=None)}
    few = summary(("student-x", "fdg", "native"), cases="4 of 9")
    whole = summary(("student-x", BOTH, "native"), ("student-x", "ct", "native"))
    table = replace(whole, rows=(*whole.rows, *few.rows))
    found = read(table_3(experiment(**students), table, "student-x"))[::2]
    assert [(line["inputs"], line["cases"]) for line in found] == [
        (BOTH, "9 of 9"),
        ("fdg", "4 of 9"),
        ("ct", "9 of 9"),
    ]
    assert "seeds" not in found[0]
    more = replace(table, rows=(*table.rows, *summary(("student-alone", "ct", "native"), seeds="0, 1").rows))
    found = read(table_3(experiment(**students), more, "student-x"))[::2]
    assert [line["seeds"] for line in found] == ["0", "0", "0", "0, 1"]


def test_controls_stand_below_the_inputs_and_doses_without_the_papers_numbers():
    students = {
        "x": StudentSettings(),
        "alone": StudentSettings(method="alone", teacher=None, cbam="own"),
        "whole_only": StudentSettings(modality_dropout=0),
        "of_ct_teacher": StudentSettings(teacher="dose"),
        "without_graphs": StudentSettings(options={"rgd": 0}),
        "hinton": StudentSettings(method="kd", cbam="own"),
        "not_begun": StudentSettings(perturbation=PerturbationSettings(lesion_dropout=0)),
    }
    jobs = [f"student-{name}" for name in students][:-1]
    entries = [(job, inputs, dose) for job in jobs for inputs in (BOTH, "ct", "fdg") for dose in ("native", "severe")]
    whole = with_gaps(summary(*entries), "student-not_begun")
    for table, count in (
        (table_3(experiment(**students), whole, "student-x"), 3),
        (table_4(experiment(**students), whole, "student-x"), 6),
    ):
        found = read(table)
        expected = ["x"] * count + ["alone"] * count + ["whole_only"] * count + ["of_ct_teacher"] * count
        assert [line["job"] for line in found[:-1:2]] == [f"student-{name}" for name in expected]
        assert all(line["paper_auc"] == "" for line in found[2 * count :])
        assert (found[-1]["job"], found[-1]["estimate"], found[-1]["auc"]) == ("student-not_begun", GAP, "")


def test_every_control_of_the_experiment_table3_is_in_the_table_of_that_name():
    found = read_experiment("table3")
    entries = [(f"student-{name}", inputs, "native") for name in found.students for inputs in (BOTH, "fdg", "ct")]
    lines = read(table_3(found, summary(*entries), "student-react_kd"))
    assert [line["job"] for line in lines[::6]] == [f"student-{name}" for name in found.students]
    assert [line["paper_auc"] for line in lines[:6:2]] == ["93.5", "86.2", "83.3"]


def test_a_network_that_is_not_the_papers_has_none_of_its_numbers_beside_it():
    students = {"x": StudentSettings(method="kd", cbam="own"), "half": StudentSettings(teacher="structure")}
    for job in ("student-x", "student-half", "teacher-dual"):
        whole = summary(*((job, inputs, "native") for inputs in (BOTH, "ct")))
        for table in (table_3, table_4):
            assert all(line["paper_auc"] == "" for line in read(table(experiment(**students), whole, job)))


def test_the_remark_says_what_accuracy_what_means_and_what_p_values_are():
    whole = summary(*(("student-x", inputs, "native") for inputs in (BOTH, "ct")))
    remark = table_3(ONE, whole, "student-x").remarks[0]
    assert "one-vs-rest (eq. 19)" in remark
    assert "pooled cases" in remark
    assert "of pairs of cases that one fold's network scored" in remark
    assert "over patients speak of these networks only, not of retraining" in remark
    assert "What is over networks, in the tables of differences, does by its folds" in remark
    several = summary(*(("student-x", inputs, "native") for inputs in (BOTH, "ct")), seeds="0, 1")
    assert "retraining" not in table_3(ONE, several, "student-x").remarks[0]
    assert "one-vs-rest" not in table_4(ONE, whole, "student-x").remarks[0]


def test_twice_the_share_of_wrong_decisions_over_three_is_what_one_vs_rest_accuracy_lacks():
    """As the remark has it."""
    labels, decisions = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 2, 0])
    found = measure(labels, np.eye(3)[decisions])
    assert found["accuracy_ovr"] == pytest.approx(1 - 2 * (1 - found["accuracy"]) / 3)
    assert "1 − 2 (1 − Acc) / 3" in ACCURACY


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4"])
def test_latex_can_print_every_table_of_the_paper(name):
    found = read_experiment(name)
    entries = [(f"student-{student}", inputs, "native") for student in found.students for inputs in (BOTH, "ct")]
    whole = summary(*entries, ("teacher-dual", "ct+fdg+act", "native"))
    tables = [
        table_1(found, whole, BOTH),
        table_2(found, whole, "student-react_kd", BOTH),
        table_3(found, whole, "student-react_kd"),
        table_4(found, whole, "student-react_kd"),
    ]
    assert tables[int(name[-1]) - 1]
    assert all(table.latex().isascii() for table in tables if table)


def test_latex_can_print_the_title_of_every_method():
    titles = tuple((method_class(name).title,) for name in method_names())
    assert Table("Methods", (Column("title", "Title"),), titles).latex().isascii()
