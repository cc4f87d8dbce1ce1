from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.inference.case_files import CaseFiles
from training.cohorts.errors import CohortError
from training.cohorts.folds import Folds, make_folds
from training.cohorts.manifest import Cohort, CohortCase


def cohort_of(patients: list[tuple[int | None, int]], groups: dict[int, str] | None = None) -> Cohort:
    """patients: grade and number of cases of each."""
    cases = [
        CohortCase(
            patient=f"p{number}",
            group=(groups or {}).get(number, f"p{number}"),
            grade=grade,
            files=CaseFiles(ct="ct.nii", liver="liver.nii", name=f"p{number}_{scan}"),
        )
        for number, (grade, scans) in enumerate(patients)
        for scan in range(scans)
    ]
    return Cohort(tuple(cases), "a" * 64)


@st.composite
def cohorts(draw) -> tuple[Cohort, int]:
    """With enough patients of each grade for the folds, several scans each, and some without a grade."""
    count = draw(st.integers(2, 5))
    grades = [grade for grade in range(3) for _ in range(draw(st.integers(count, 12)))]
    grades += [None] * draw(st.integers(0, 5))
    scans = draw(st.lists(st.integers(1, 4), min_size=len(grades), max_size=len(grades)))
    return cohort_of(list(zip(grades, scans, strict=True))), count


@settings(deadline=None, max_examples=60)
@given(cohorts(), st.integers(0, 2**32 - 1))
def test_no_patient_is_on_two_sides_and_every_case_is_held_out_once(drawn, seed):
    cohort, count = drawn
    folds = make_folds(cohort, count, seed)
    patient = {case.name: case.patient for case in cohort.cases}
    for fold in range(count):
        learnt = {patient[name] for name in (*folds.training(fold), *folds.unlabelled_training(fold))}
        assert not learnt & {patient[name] for name in folds.validation[fold]}
    held_out = [name for names in folds.validation for name in names]
    assert sorted(held_out) == sorted(case.name for case in cohort.cases if case.grade is not None)


@settings(deadline=None, max_examples=60)
@given(cohorts(), st.integers(0, 2**32 - 1))
def test_patients_of_each_grade_are_balanced_within_one(drawn, seed):
    cohort, count = drawn
    grade = {case.name: (case.patient, case.grade) for case in cohort.cases}
    folds = make_folds(cohort, count, seed)
    counts = [Counter(g for _, g in {grade[name] for name in names}) for names in folds.validation]
    for g in range(3):
        of_folds = [c[g] for c in counts]
        assert max(of_folds) - min(of_folds) <= 1


def test_the_order_of_the_lines_does_not_matter_but_the_seed_does():
    cohort = cohort_of([(grade, 1) for grade in (0, 1, 2) for _ in range(9)])
    backwards = replace(cohort, cases=cohort.cases[::-1])
    assert make_folds(cohort, seed=4) == make_folds(backwards, seed=4)
    assert make_folds(cohort, seed=4).validation != make_folds(cohort, seed=5).validation


def test_a_group_of_patients_stays_together():
    groups = {number: f"family{number // 2}" for number in range(36)}
    cohort = cohort_of([(number // 2 % 3, 1) for number in range(36)], groups)
    group = {case.name: case.group for case in cohort.cases}
    held_out = [{group[name] for name in names} for names in make_folds(cohort).validation]
    assert not held_out[0] & held_out[1]
    assert not held_out[1] & held_out[2]
    assert not held_out[0] & held_out[2]


def test_an_unlabelled_scan_never_teaches_while_its_patient_is_held_out():
    cohort = cohort_of([(grade, 1) for grade in (0, 1, 2) for _ in range(3)])
    follow_up = replace(cohort.cases[0], grade=None, files=replace(cohort.cases[0].files, name="follow_up"))
    folds = make_folds(replace(cohort, cases=(*cohort.cases, follow_up)))
    for fold, names in enumerate(folds.validation):
        assert ("follow_up" in folds.unlabelled_training(fold)) == (cohort.cases[0].name not in names)


def test_a_grade_with_fewer_patients_than_folds_is_refused_by_name():
    cohort = cohort_of([(grade, 1) for grade in (0, 0, 0, 1, 1, 1, 2, 2)])
    with pytest.raises(CohortError, match=r"Poorly differentiated \(2\)") as caught:
        make_folds(cohort, 3)
    assert caught.value.code == "too_few_patients"


def test_groups_that_cannot_give_each_fold_every_grade_are_refused():
    # Each two of three families share a grade, and of three families two are in the same fold.
    groups = {number: "abc"[number // 2] for number in range(6)}
    cohort = cohort_of([(grade, 1) for grade in (0, 1, 1, 2, 2, 0)], groups)
    with pytest.raises(CohortError, match="of 2 has no patient with") as caught:
        make_folds(cohort, 2)
    assert caught.value.code == "class_missing_from_fold"


def test_many_scans_of_one_patient_are_not_many_patients():
    with pytest.raises(CohortError, match="Poorly"):
        make_folds(cohort_of([(0, 1), (0, 1), (1, 1), (1, 1), (2, 5)]), 2)


def test_folds_come_back_from_their_file_and_belong_to_one_manifest(tmp_path):
    cohort = cohort_of([(grade, 2) for grade in (0, 1, 2, None) for _ in range(3)])
    folds = make_folds(cohort, seed=11)
    folds.write(tmp_path / "folds.json")
    assert Folds.read(tmp_path / "folds.json", cohort) == folds
    with pytest.raises(CohortError, match="another version of the manifest"):
        Folds.read(tmp_path / "folds.json", replace(cohort, sha256="b" * 64))


def test_a_damaged_file_of_folds_is_refused(tmp_path):
    (tmp_path / "folds.json").write_text('{"schema": 1, "seed"')
    with pytest.raises(CohortError, match="cannot be read"):
        Folds.read(tmp_path / "folds.json", cohort_of([]))


@pytest.fixture
def refused(tmp_path):
    """The error of reading folds that were changed."""

    def refused(folds: Folds, cohort: Cohort) -> CohortError:
        folds.write(tmp_path / "folds.json")
        with pytest.raises(CohortError) as caught:
            Folds.read(tmp_path / "folds.json", cohort)
        return caught.value

    return refused


def by_hand() -> tuple[Cohort, list[tuple[str, ...]]]:
    """A patient of each grade in each of two folds, p0 to p2 and p3 to p5, two scans each; p6 has no grade."""
    cohort = cohort_of([(grade, 2) for grade in (0, 1, 2, 0, 1, 2)] + [(None, 1)])
    return cohort, [tuple(f"p{p}_{scan}" for p in patients for scan in (0, 1)) for patients in ((0, 1, 2), (3, 4, 5))]


def test_a_file_with_scans_of_a_patient_in_two_folds_is_refused_by_name(refused):
    cohort, (first, second) = by_hand()
    error = refused(Folds(0, cohort.sha256, (first[1:], (*second, first[0]))), cohort)
    assert error.code == "leaking_folds"
    assert "fold 0 of folds.json" in error.message
    assert "p0 (training, test)" in error.message
    assert "p1" not in error.message


def test_a_file_in_which_an_unlabelled_scan_teaches_while_its_group_is_held_out_is_refused(refused):
    cohort, validation = by_hand()
    cohort = replace(cohort, cases=(*cohort.cases[:-1], replace(cohort.cases[-1], group="p4")))
    assert refused(Folds(0, cohort.sha256, tuple(validation), (("p6_0", None),)), cohort).code == "leaking_folds"
    error = refused(Folds(0, cohort.sha256, tuple(validation), (("p6_0", 0),)), cohort)
    assert "fold 1" in error.message
    assert "p6 and p4 (unlabelled, test)" in error.message


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (("p0_0", "p1_0", "p2_0", "stranger"), ("p3_0", "p4_0", "p5_0"), "stranger"),
        (("p0_0", "p1_0", "p2_0", "p6_0"), ("p3_0", "p4_0", "p5_0"), "p6_0"),
        (("p0_0", "p1_0", "p2_0"), ("p3_0", "p4_0"), "no case with: Poorly differentiated"),
    ],
)
def test_a_file_with_strangers_or_without_a_grade_is_refused(refused, first, second, says):
    cohort, _ = by_hand()
    error = refused(Folds(0, cohort.sha256, (first, second)), cohort)
    assert error.code == "bad_folds"
    assert says in error.message
    assert refused(Folds(0, cohort.sha256, ()), cohort).code == "bad_folds"
