from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.inference.case_files import CaseFiles
from training.cohorts.errors import CohortError
from training.cohorts.folds import make_folds
from training.cohorts.manifest import Cohort, CohortCase
from training.cohorts.splits import Split, make_splits, read_splits, write_splits


def cohort_of(patients: list[tuple[int | None, int]], sha256: str = "a" * 64) -> Cohort:
    """patients: grade and number of cases of each; the first case of a patient without a grade has none."""
    cases = [
        CohortCase(
            patient=f"p{number}",
            group=f"p{number}",
            grade=grade,
            files=CaseFiles(ct="ct.nii", liver="liver.nii", name=f"p{number}_{scan}"),
        )
        for number, (grade, scans) in enumerate(patients)
        for scan in range(scans)
    ]
    # A scan without a grade of the first patient, who may be held out or validate.
    extra = CohortCase(patient="p0", group="p0", grade=None, files=CaseFiles(ct="ct.nii", liver="l.nii", name="p0_x"))
    return Cohort((*cases, extra), sha256)


@st.composite
def cohorts(draw) -> tuple[Cohort, int]:
    count = draw(st.integers(2, 4))
    # Beside those held out, of which a fold has at most one more than another, two of each grade are left.
    grades = [grade for grade in range(3) for _ in range(draw(st.integers(2 * count, 12)))]
    scans = draw(st.lists(st.integers(1, 3), min_size=len(grades), max_size=len(grades)))
    unlabelled = draw(st.integers(0, 3))
    return cohort_of([*zip(grades, scans, strict=True), *[(None, 1)] * unlabelled]), count


@settings(max_examples=40, deadline=None)
@given(cohorts(), st.floats(0.01, 0.6), st.integers(0, 1000))
def test_no_patient_is_on_two_sides_and_every_side_has_every_grade(of, share, seed):
    cohort, count = of
    folds = make_folds(cohort, count, seed)
    case_of = {case.name: case for case in cohort.cases}
    labelled = {case.name for case in cohort.cases if case.grade is not None}
    for fold, split in enumerate(make_splits(cohort, folds, share, seed)):
        sides = (split.training, split.validation, split.test)
        assert sorted(name for side in sides for name in side) == sorted(labelled)
        learnt = (*split.training, *split.unlabelled)
        patients = [{case_of[name].patient for name in side} for side in (learnt, split.validation, split.test)]
        assert not patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2]
        assert all({case_of[name].grade for name in side} == {0, 1, 2} for side in sides)
        assert split.test == folds.validation[fold]


def test_each_grade_gives_its_share_to_validation():
    cohort = cohort_of([(grade, 1) for grade in range(3) for _ in range(30)])
    grade_of = {case.name: case.grade for case in cohort.cases}
    for split in make_splits(cohort, make_folds(cohort), 0.2):
        # 20 of each grade are not held out.
        assert Counter(grade_of[name] for name in split.validation) == {0: 4, 1: 4, 2: 4}


def test_without_a_share_the_held_out_cases_validate():
    cohort = cohort_of([(grade, 1) for grade in range(3) for _ in range(3)])
    folds = make_folds(cohort)
    for fold, split in enumerate(make_splits(cohort, folds, 0.0)):
        assert split.validation == split.test == folds.validation[fold]
        assert set(split.training) == set(folds.training(fold))


def test_the_seed_decides_and_the_order_of_lines_does_not():
    cohort = cohort_of([(grade, 2) for grade in range(3) for _ in range(9)])
    folds = make_folds(cohort)
    turned = Cohort(cohort.cases[::-1], cohort.sha256)
    assert make_splits(cohort, folds, 0.3, 1) == make_splits(turned, folds, 0.3, 1)
    assert make_splits(cohort, folds, 0.3, 1) != make_splits(cohort, folds, 0.3, 2)


def test_too_few_patients_of_a_grade_are_refused_by_name():
    cohort = cohort_of([(0, 1)] * 4 + [(1, 1)] * 4 + [(2, 1)] * 2)
    with pytest.raises(CohortError, match=r"Poorly.*\(1\)|poor.*\(1\)") as error:
        make_splits(cohort, make_folds(cohort, 2), 0.2)
    assert error.value.code == "too_few_patients"


def test_splits_come_back_from_their_file_for_their_own_cohort_only(tmp_path):
    cohort = cohort_of([(grade, 1) for grade in range(3) for _ in range(6)])
    splits = make_splits(cohort, make_folds(cohort), 0.2)
    write_splits(splits, cohort, tmp_path / "splits.json")
    assert read_splits(tmp_path / "splits.json", cohort) == splits
    with pytest.raises(CohortError) as error:
        read_splits(tmp_path / "splits.json", Cohort(cohort.cases, "b" * 64))
    assert error.value.code == "other_manifest"
    (tmp_path / "splits.json").write_text("{")
    with pytest.raises(CohortError) as error:
        read_splits(tmp_path / "splits.json", cohort)
    assert error.value.code == "bad_splits"


def test_splits_whose_held_out_cases_validate_come_back_from_their_file(tmp_path):
    cohort = cohort_of([(grade, 1) for grade in range(3) for _ in range(3)])
    splits = make_splits(cohort, make_folds(cohort), 0.0)
    write_splits(splits, cohort, tmp_path / "splits.json")
    assert read_splits(tmp_path / "splits.json", cohort) == splits


COHORT = cohort_of([(grade, 2) for grade in range(3)] * 3)
"""Patients p0 to p8 of grade 0, 1, 2, 0, 1, 2 and so on, two scans each, and p0_x without a grade."""
WHOLE = Split(("p0_0", "p1_0", "p2_0"), ("p3_0", "p4_0", "p5_0"), ("p6_0", "p7_0", "p8_0"), ("p0_x",))


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        (replace(WHOLE, test=(*WHOLE.test, "p1_1")), "leaking_splits", "p1 (training, test)"),
        (replace(WHOLE, validation=(*WHOLE.validation, "p2_1")), "leaking_splits", "p2 (training, validation)"),
        (replace(WHOLE, test=(*WHOLE.test, "p4_1")), "leaking_splits", "p4 (validation, test)"),
        (
            replace(WHOLE, training=(*WHOLE.training, "p6_1"), validation=WHOLE.test),
            "leaking_splits",
            "p6 (training, test)",
        ),
        (replace(WHOLE, test=(*WHOLE.test, "p9_0")), "bad_splits", "p9_0"),
        (replace(WHOLE, training=(*WHOLE.training, "p0_x")), "bad_splits", "p0_x"),
        (replace(WHOLE, training=WHOLE.training[1:]), "bad_splits", "training has no case with: Well differentiated"),
        (replace(WHOLE, validation=WHOLE.validation[:1]), "bad_splits", "Moderately differentiated, Poorly"),
        (replace(WHOLE, test=()), "bad_splits", "test has no case with"),
    ],
)
def test_a_file_that_leaks_or_lacks_something_is_refused_with_what_and_where(tmp_path, changed, code, says):
    write_splits((WHOLE, changed), COHORT, tmp_path / "splits.json")
    with pytest.raises(CohortError) as error:
        read_splits(tmp_path / "splits.json", COHORT)
    assert error.value.code == code
    assert "fold 1 of splits.json" in error.value.message
    assert says in error.value.message


def test_an_unlabelled_scan_of_someone_held_out_leaks(tmp_path):
    changed = Split(("p3_0", "p1_0", "p2_0"), ("p6_0", "p4_0", "p5_0"), ("p0_0", "p7_0", "p8_0"), ("p0_x",))
    write_splits((changed,), COHORT, tmp_path / "splits.json")
    with pytest.raises(CohortError, match=r"p0 \(test, unlabelled\)") as error:
        read_splits(tmp_path / "splits.json", COHORT)
    assert error.value.code == "leaking_splits"
