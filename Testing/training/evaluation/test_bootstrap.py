from itertools import product

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from training.evaluation.bootstrap import Resampling, bootstrap, compare, holm, t_interval
from training.evaluation.metrics import METRICS, measure

QUICK = Resampling(resamples=300, permutations=400)


def patients_of(labels: np.ndarray) -> list[str]:
    return [f"p{index}" for index in range(len(labels))]


def test_the_interval_of_every_metric_is_seeded_and_has_the_value_of_all_cases(scores):
    labels, probabilities = scores(0)
    found = bootstrap(labels, probabilities, patients_of(labels), settings=QUICK)
    assert {name: of.value for name, of in found.items()} == pytest.approx(measure(labels, probabilities))
    assert all(of.low < of.high for of in found.values())
    assert found == bootstrap(labels, probabilities, patients_of(labels), settings=QUICK)
    other_seed = Resampling(resamples=300, seed=1)
    assert found != bootstrap(labels, probabilities, patients_of(labels), settings=other_seed)


@pytest.mark.parametrize("seed", range(5))
def test_every_value_lies_within_its_interval_the_ece_of_five_seeds_too(scores, seed):
    labels, of_one_seed = scores(seed, cases=105, skill=1.5)
    logits = np.random.default_rng(seed).normal(size=(5, 105, 3)) + 1.5 * np.eye(3)[labels]
    for given in (of_one_seed, softmax(logits, axis=-1)):
        for name, of in bootstrap(labels, given, patients_of(labels), settings=QUICK).items():
            assert 0 <= of.low < of.value < of.high, name


def test_the_interval_of_accuracy_has_the_width_of_its_binomial():
    """Stratified: the variance of the mean over strata, known in closed form."""
    labels = np.repeat([0, 1, 2], 100)
    right = np.tile(np.arange(100) < 80, 3)
    probabilities = np.eye(3)[np.where(right, labels, (labels + 1) % 3)]
    of = bootstrap(labels, probabilities, patients_of(labels), ("accuracy",))["accuracy"]
    expected = 2 * 1.96 * np.sqrt(0.8 * 0.2 / 300)
    assert of.high - of.low == pytest.approx(expected, rel=0.1)


def test_without_a_second_patient_of_a_grade_there_is_a_value_and_a_p_value_but_no_interval(scores):
    labels, probabilities = scores(0)
    keep = (labels < 2) | (np.arange(len(labels)) == np.flatnonzero(labels == 2)[0])
    labels, probabilities = labels[keep], probabilities[keep]
    other = probabilities[:, ::-1].copy()
    for name, of in bootstrap(labels, probabilities, patients_of(labels), settings=QUICK).items():
        assert (of.value, of.low, of.high) == (pytest.approx(measure(labels, probabilities)[name]), None, None)
    for of in compare(labels, probabilities, other, patients_of(labels), settings=QUICK).values():
        assert of.low is of.high is None
        assert 0 < of.p <= 1


def test_copies_of_a_patients_scan_do_not_narrow_the_interval(scores):
    labels, probabilities = scores(0)
    four = [np.repeat(labels, 4), np.repeat(probabilities, 4, axis=0), np.repeat(patients_of(labels), 4)]
    once = bootstrap(labels, probabilities, patients_of(labels), settings=QUICK)
    copied = bootstrap(*four, settings=QUICK)
    for name in METRICS:
        assert (copied[name].low, copied[name].high) == pytest.approx((once[name].low, once[name].high))


def test_several_seeds_give_the_mean_of_their_metrics(scores):
    labels, one = scores(0)
    other = one[::-1].copy()
    found = bootstrap(labels, np.stack([one, other]), patients_of(labels), settings=QUICK)
    for name, of in found.items():
        assert of.value == pytest.approx((measure(labels, one)[name] + measure(labels, other)[name]) / 2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Accuracy 0.7 of 90 patients, in 200 cohorts: 95 % give or take three standard errors, and discreteness."""
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    covered = 0
    for _ in range(200):
        right = generator.random(90) < 0.7
        probabilities = np.eye(3)[np.where(right, labels, (labels + 1) % 3)]
        of = bootstrap(labels, probabilities, patients_of(labels), ("accuracy",), QUICK)["accuracy"]
        covered += of.low <= 0.7 <= of.high
    assert 0.88 <= covered / 200 <= 0.99


def test_a_method_compared_with_itself_differs_by_nothing(scores):
    labels, probabilities = scores(0)
    for of in compare(labels, probabilities, probabilities, patients_of(labels), settings=QUICK).values():
        assert (of.value, of.low, of.high, of.p) == (0, None, None, 1)


def test_a_value_that_no_resample_changes_has_no_interval(scores):
    """One of a network that always says the same grade: which patients are drawn changes nothing."""
    labels, _ = scores(0)
    always = np.tile([0.2, 0.5, 0.3], (len(labels), 1))
    found = bootstrap(labels, always, patients_of(labels), settings=QUICK)
    assert (found["accuracy"].low, found["accuracy"].high) == (None, None)
    assert (found["auc"].value, found["auc"].low) == (0.5, None)


def test_the_difference_changes_its_sign_with_the_order_and_keeps_its_p(scores):
    labels, one = scores(0)
    other = scores(0, skill=0.2)[1]
    forth = compare(labels, one, other, patients_of(labels), settings=QUICK)
    back = compare(labels, other, one, patients_of(labels), settings=QUICK)
    for name, of in forth.items():
        assert back[name].value == -of.value
        assert (back[name].low, back[name].high) == pytest.approx((-of.high, -of.low))
        assert back[name].p == of.p


def test_the_p_value_is_that_of_all_permutations():
    """Eight patients of two cases have 256 permutations: every one is tried, with a plain loop."""
    generator = np.random.default_rng(3)
    labels = np.repeat(np.arange(8) % 3, 2)
    patients = np.repeat([f"p{i}" for i in range(8)], 2)
    first, second = generator.dirichlet([1, 1, 1], size=(2, 16))
    first[np.arange(16), labels] += 0.6
    first /= first.sum(1, keepdims=True)
    names = ("auc", "nll", "accuracy")

    def difference(swapped) -> np.ndarray:
        swap = np.repeat(swapped, 2)[:, None]
        one, other = np.where(swap, second, first), np.where(swap, first, second)
        a, b = measure(labels, one, names), measure(labels, other, names)
        return np.array([a[name] - b[name] for name in names])

    every = np.abs([difference(swapped) for swapped in product([False, True], repeat=8)])
    exact = (every >= every[0] - 1e-12).mean(0)
    found = compare(labels, first, second, patients, names, Resampling(resamples=10, permutations=20_000))
    for name, p in zip(names, exact, strict=True):
        assert found[name].p == pytest.approx(p, abs=5 * 0.5 / np.sqrt(20_000))


def test_two_equally_good_methods_seldom_look_different():
    generator = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], 10)
    small = []
    for _ in range(200):
        pair = generator.dirichlet([1, 1, 1], size=(2, 30))
        small.append(compare(labels, *pair, patients_of(labels), ("auc",), Resampling(2, 199))["auc"].p <= 0.05)
    # A valid test rejects at most 5 %: three standard errors above, for 200 cohorts.
    assert np.mean(small) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_clear_difference_is_seen(scores):
    labels, good = scores(0, cases=90, skill=3.0)
    bad = scores(1, cases=90, skill=0.0)[1]
    of = compare(labels, good, bad, patients_of(labels), ("auc",), QUICK)["auc"]
    assert of.low > 0.2
    assert of.p == 1 / 401


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_corrected_p_values_are_those_of_statsmodels(count):
    """Some of them tie."""
    p_values = np.random.default_rng(count).integers(1, 20, size=count) / 100
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_the_p_value_of_an_auc_does_not_depend_on_the_scale_of_either_methods_scores(scores):
    """Of two classes, since a function of one column keeps the order of the other."""
    labels, three = scores(0)
    labels = np.minimum(labels, 1)
    first, second = three[:, 0], np.random.default_rng(0).uniform(size=len(labels))

    def found(of: np.ndarray):
        one, other = (np.stack([p, 1 - p], 1) for p in (of, second))
        return compare(labels, one, other, patients_of(labels), ("auc",), QUICK)["auc"]

    assert found(first**5) == found(first)


def test_the_auc_of_several_networks_compares_cases_of_one_network_only(scores):
    labels, probabilities = scores(0, cases=90)
    networks = np.arange(90) % 2
    areas = []
    for grade in range(3):
        pairs = product(np.flatnonzero(labels == grade), np.flatnonzero(labels != grade))
        wins = [probabilities[a, grade] > probabilities[b, grade] for a, b in pairs if networks[a] == networks[b]]
        areas.append(np.mean(wins))
    of = bootstrap(labels, probabilities, patients_of(labels), ("auc",), QUICK, networks)["auc"]
    assert of.value == pytest.approx(np.mean(areas))
    assert of.low < of.value < of.high


def test_students_interval_and_p_are_scipys():
    values = [0.3, -0.1, 0.4, 0.2]
    of = t_interval(values)
    expected = ttest_1samp(values, 0)
    assert (of.p, of.low, of.high) == pytest.approx((expected.pvalue, *expected.confidence_interval(0.95)))


@pytest.mark.parametrize(("values", "p"), [([0.0, 0.0], 1), ([0.2, 0.2], 0)])
def test_values_without_spread_are_certain(values, p):
    of = t_interval(values)
    assert (of.value, of.low, of.high, of.p) == (values[0], values[0], values[0], p)
