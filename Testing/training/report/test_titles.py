from training.engine.settings import StudentSettings
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import read_experiment
from training.report.titles import titles


def test_a_method_has_its_title_and_its_variants_their_names_too():
    students = {
        "react_kd": StudentSettings(),
        "own_cbam": StudentSettings(cbam="own"),
        "hinton": StudentSettings(method="kd"),
        "sp": StudentSettings(method="sp", method_weight=0.01),
    }
    experiment = Experiment(phantoms=PhantomCohort(), students=students)
    jobs = [*(f"student-{name}" for name in students), "teacher-dual", "student-of_another_run"]
    assert list(titles(experiment, jobs).values()) == [
        "REACT-KD",
        "REACT-KD (own_cbam)",
        "KD",
        "SP ×0.01",
        "Teacher (dual)",
        "student-of_another_run",
    ]


def test_no_two_networks_of_an_experiment_are_called_the_same():
    for name in ("table1", "table2", "table3", "table4"):
        experiment = read_experiment(name)
        jobs = [*(f"student-{of}" for of in experiment.students), *(f"teacher-{of}" for of in experiment.teachers)]
        assert len(set(titles(experiment, jobs).values())) == len(jobs)
