import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.resampling import FEWEST_PATIENTS, can_resample, patient_swaps, patient_weights


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), min_size=1, max_size=25),
    st.integers(0, 2**32 - 1),
)
def test_resamples_keep_patients_whole_and_every_grade(cases, seed):
    """Also where a patient has cases of different grades."""
    patients = np.array([f"p{number}" for number, _ in cases])
    labels = np.array([label for _, label in cases])
    weights = patient_weights(labels, patients, 20, np.random.default_rng(seed))
    for patient in set(patients):
        assert (np.ptp(weights[:, patients == patient], axis=1) == 0).all()
    for label in set(labels):
        assert (weights[:, labels == label].sum(1) > 0).all()


def test_each_grade_keeps_its_number_of_patients_and_each_patient_comes_once_on_average():
    labels = np.repeat([0, 1, 2], [12, 7, 3])
    weights = patient_weights(labels, [f"p{i}" for i in range(22)], 4000, np.random.default_rng(0))
    for label, count in enumerate([12, 7, 3]):
        assert (weights[:, labels == label].sum(1) == count).all()
    # Standard error of a mean of 4000 counts with variance < 1.
    assert np.abs(weights.mean(0) - 1).max() < 5 / np.sqrt(4000)


def test_the_order_of_the_cases_does_not_matter():
    labels, patients = np.repeat([0, 1, 2], 5), np.array([f"p{i:02}" for i in range(15)])
    order = np.random.default_rng(1).permutation(15)
    one = patient_weights(labels, patients, 50, np.random.default_rng(0))
    other = patient_weights(labels[order], patients[order], 50, np.random.default_rng(0))
    assert (one[:, order] == other).all()


def test_all_cases_of_a_patient_change_sides_together_half_of_the_time():
    patients = ["a", "b", "a", "c", "b"]
    swaps = patient_swaps(patients, 4000, np.random.default_rng(0))
    assert (swaps[:, 0] == swaps[:, 2]).all()
    assert (swaps[:, 1] == swaps[:, 4]).all()
    assert np.abs(swaps.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


def test_no_network_loses_a_grade_in_a_resample():
    labels, networks = np.tile([0, 1, 2], 6), np.repeat([0, 1, 2], 6)
    weights = patient_weights(labels, [f"p{index}" for index in range(18)], 200, np.random.default_rng(0), networks)
    for network in range(3):
        for grade in range(3):
            assert np.all(weights[:, (labels == grade) & (networks == network)].sum(1) == 2)


def facts(*patients: tuple[int, ...]) -> tuple[np.ndarray, list[str]]:
    """Labels and patients of cases, from the grades of each patient's scans."""
    labels = [grade for grades in patients for grade in grades]
    return np.array(labels), [f"p{number}" for number, grades in enumerate(patients) for _ in grades]


def test_two_patients_of_each_grade_can_be_resampled_and_one_cannot():
    assert can_resample(*facts(*[(0,)] * 2, *[(1,)] * 2, *[(2,)] * 2))
    assert not can_resample(*facts(*[(0,)] * 20, *[(1,)] * 20, (2,)))
    assert not can_resample(*facts(*[(0,)] * (FEWEST_PATIENTS - 1)))


def test_scans_of_one_patient_are_no_two_patients():
    assert not can_resample(*facts(*[(0,)] * 9, *[(1,)] * 9, (2, 2, 2)))


def test_each_network_needs_two_patients_of_each_grade():
    labels, patients = facts(*[(0,)] * 4, *[(1,)] * 4)
    assert can_resample(labels, patients, np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    assert not can_resample(labels, patients, np.array([0, 0, 0, 1, 0, 0, 1, 1]))


def test_one_patient_of_two_grades_among_many_changes_nothing():
    assert can_resample(*facts(*[(0,)] * 9, *[(1,)] * 9, (0, 1)))
    assert not can_resample(*facts(*[(0,)] * 9, *[(1,)] * 9, (0, 2)))
