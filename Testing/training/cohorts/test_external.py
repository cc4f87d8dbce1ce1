from dataclasses import replace

import pytest

from REACTKDLib.inference.case_files import CaseFiles
from training.cohorts.errors import CohortError
from training.cohorts.external import check_external
from training.cohorts.manifest import CohortCase


@pytest.fixture
def cases(tmp_path):
    """Cases of one hospital, one of each grade, whose CTs are there and differ."""

    def cases(hospital: str, count: int = 3) -> list[CohortCase]:
        found = []
        for number in range(count):
            name = f"{hospital}{number}"
            (tmp_path / f"{name}.nii").write_bytes(f"CT of {name}".encode())
            files = CaseFiles(name=name, ct=tmp_path / f"{name}.nii")
            found.append(CohortCase(patient=f"P{name}", group=f"P{name}", grade=number % 3, files=files))
        return found

    return cases


def refusal(external, own) -> CohortError:
    with pytest.raises(CohortError) as caught:
        check_external(external, own)
    assert caught.value.hint
    return caught.value


def test_two_hospitals_that_share_nobody_pass(cases):
    check_external(cases("north"), cases("south"))


def test_a_patient_of_the_own_cohort_is_refused(cases):
    own, external = cases("north"), cases("south")
    external[1] = replace(external[1], patient=own[0].patient)
    error = refusal(external, own)
    assert error.code == "known_patients"
    assert "Pnorth0" in error.message


def test_a_patient_of_a_group_of_the_own_cohort_is_refused(cases):
    own, external = cases("north"), cases("south")
    own[0] = replace(own[0], group="family")
    external[2] = replace(external[2], group="family")
    assert refusal(external, own).code == "known_patients"


def test_a_case_whose_name_the_own_cohort_has_is_refused_however_it_is_written(cases):
    own, external = cases("north"), cases("south")
    external[0] = replace(external[0], files=replace(external[0].files, name="NORTH2"))
    error = refusal(external, own)
    assert error.code == "known_cases"
    assert "NORTH2" in error.message


def test_the_same_ct_under_other_names_is_refused_with_both(cases, tmp_path):
    own, external = cases("north"), cases("south")
    (tmp_path / "south1.nii").write_bytes((tmp_path / "north2.nii").read_bytes())
    error = refusal(external, own)
    assert error.code == "known_ct"
    assert "south1 is north2" in error.message


def test_cts_that_are_not_made_yet_are_not_compared(cases, tmp_path):
    own, external = cases("north"), cases("south")
    (tmp_path / "south1.nii").write_bytes((tmp_path / "north2.nii").read_bytes())
    (tmp_path / "north0.nii").unlink()
    assert refusal(external, own).code == "known_ct"
    (tmp_path / "north2.nii").unlink()
    check_external(external, own)


def test_a_cohort_without_a_grade_is_refused_with_its_name(cases):
    error = refusal(cases("south", 2), cases("north"))
    assert error.code == "grade_absent"
    assert "Poorly differentiated" in error.message
    assert "Well" not in error.message


def test_of_many_patients_some_are_named(cases):
    own = cases("north", 9)
    error = refusal(own, own)
    assert "Pnorth4 and 4 more" in error.message
