import pytest

from training.engine.settings import StudentSettings
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import read_experiment
from training.report.contrast import contrast

KD_OWN, KD_SHARED = StudentSettings(method="kd", cbam="own"), StudentSettings(method="kd")
REFERENCE = "student-react_kd"


def of(reference: str = REFERENCE, **students: StudentSettings):
    found = contrast(Experiment(phantoms=PhantomCohort(), students=students), reference)
    return found and (found.job, found.differs)


@pytest.mark.parametrize("without", [KD_SHARED, StudentSettings(options={"rgd": 0})])
def test_the_network_that_differs_in_region_graphs_alone_comes_first_whatever_its_place(without):
    """KD is REACT-KD whose region graphs weigh nothing."""
    students = {"react_kd": StudentSettings(), "hinton": KD_OWN, "without": without}
    assert of(**students) == ("student-without", "region graphs")


def test_else_it_is_the_nearest_and_all_that_differs_is_said():
    students = {
        "react_kd": StudentSettings(),
        "alone": StudentSettings(method="alone", teacher=None, cbam="own"),
        "hinton": KD_OWN,
    }
    assert of(**students) == ("student-hinton", "region graphs, cbam (shared, own)")
    del students["hinton"]
    differs = "region graphs, method (kd, alone), teacher (dual, none), cbam (shared, own)"
    assert of(**students) == ("student-alone", differs)


def test_beside_a_network_without_region_graphs_stands_one_with_them():
    students = {"hinton": KD_OWN, "alone": StudentSettings(method="alone", teacher=None), "react_kd": StudentSettings()}
    assert of("student-hinton", **students) == (REFERENCE, "region graphs, cbam (own, shared)")


def test_a_network_of_another_method_is_compared_with_one_that_has_no_graphs():
    assert of("student-at", at=StudentSettings(method="at"), hinton=KD_SHARED) == ("student-hinton", "method (at, kd)")


def test_of_a_teacher_nothing_is_said_but_a_student_is_shown():
    assert of("teacher-dual", react_kd=StudentSettings(), hinton=KD_OWN) == ("student-hinton", "")


def test_there_may_be_none():
    assert of(react_kd=StudentSettings()) is of(react_kd=StudentSettings(), own=StudentSettings(cbam="own")) is None


def test_in_the_experiments_of_the_paper_there_is_one():
    assert contrast(read_experiment("table1"), REFERENCE).differs == "region graphs"
    assert contrast(read_experiment("table2"), REFERENCE).differs == "region graphs"
