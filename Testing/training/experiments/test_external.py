import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from REACTKDLib.imaging.phantom import PhantomSettings
from Testing.training.experiments.fake_training import FakeTraining
from training.cohorts.errors import CohortError
from training.cohorts.manifest import read_manifest, write_manifest
from training.evaluation.predictions import read_predictions
from training.evaluation.summary import summarise
from training.experiments.checks import check_settings
from training.experiments.commands import run_config
from training.experiments.config import Experiment, External, PhantomCohort
from training.experiments.errors import ExperimentError
from training.experiments.preparation import prepare
from training.experiments.reading import read_experiment, to_tree, write_tree
from training.experiments.runner import run_experiment
from training.experiments.status import progress_of_run
from training.experiments.training_job import cases_of

ELSEWHERE = PhantomCohort(count=6, first_seed=200, look=PhantomSettings.coarse(ct_noise_hu=25.0))


@pytest.fixture(scope="session")
def with_external(experiment) -> Experiment:
    return replace(experiment, external=External(phantoms=ELSEWHERE, dose_levels=("severe", "mixed")))


@pytest.fixture(scope="module")
def added(with_external, prepared_run, tmp_path_factory) -> Path:
    """The prepared run, after an external cohort was added to it; nobody writes there."""
    run = Path(shutil.copytree(prepared_run, tmp_path_factory.mktemp("runs") / "added"))
    prepare(with_external, run)
    return run


@pytest.fixture
def run_with_it(added, tmp_path) -> Path:
    return Path(shutil.copytree(added, tmp_path / "added"))


@pytest.fixture(scope="module")
def outside(prepared_run) -> Path:
    """A manifest of other phantoms: those of the prepared run under other names, so that nothing has to be made."""
    lines = (prepared_run / "cohort.csv").read_text().replace("phantoms/", f"{prepared_run}/phantoms/")
    path = prepared_run.parent / "outside.csv"
    path.write_text(lines)
    return path


@pytest.mark.parametrize(
    ("external", "says"),
    [
        (External(), "no cases"),
        (External(cohort=Path("there.csv"), phantoms=ELSEWHERE), "both a manifest and phantoms"),
        (External(phantoms=PhantomCohort(count=2, first_seed=0)), "external.phantoms.count cannot be 2"),
        (External(phantoms=PhantomCohort(first_seed=100_008)), "external.phantoms.first_seed cannot be 100008"),
    ],
)
def test_an_external_cohort_that_cannot_be_is_refused_in_words(experiment, external, says):
    with pytest.raises(ExperimentError) as caught:
        check_settings(replace(experiment, external=external))
    assert says in caught.value.message
    assert caught.value.hint


def test_the_command_line_takes_the_place_of_what_the_file_says(tmp_path):
    (tmp_path / "mine.yaml").write_text("cohort: own.csv\nexternal: {cohort: other.csv, dose_levels: [severe]}\n")
    found = read_experiment(str(tmp_path / "mine.yaml"))
    assert found.external == External(cohort=tmp_path / "other.csv", dose_levels=("severe",))
    found = read_experiment(str(tmp_path / "mine.yaml"), external=tmp_path / "given.csv")
    assert found.external == External(cohort=tmp_path / "given.csv", dose_levels=("severe",))
    found = read_experiment("table4", external=tmp_path / "given.csv")
    assert (found.external.cohort, found.external.phantoms) == (tmp_path / "given.csv", None)
    assert read_experiment("smoke", external=tmp_path / "given.csv").external == External(cohort=tmp_path / "given.csv")


def test_an_experiment_with_one_comes_back_from_what_is_written_of_it(with_external, tmp_path):
    write_tree(to_tree(with_external), tmp_path / "config.yaml")
    assert read_experiment(str(tmp_path / "config.yaml")) == with_external


def test_its_cases_are_kept_and_cached_at_their_own_doses_and_mixed_is_one_of_them(with_external, run_with_it):
    prepared = prepare(with_external, run_with_it)
    assert {case.name for case in prepared.external.cohort.cases} == {f"phantom_{200 + n:06}" for n in range(6)}
    with (run_with_it / "external.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    drawn = []
    for name in prepared.external.cache.names:
        images = prepared.external.cache.read(name).images
        assert images.keys() >= {"ct", "ct_severe", "ct_mixed"}
        assert not np.array_equal(images["ct"], images["ct_severe"])
        drawn.append([level for level in ("ct", "ct_severe") if np.array_equal(images["ct_mixed"], images[level])])
    assert {len(levels) for levels in drawn} == {1}
    assert {levels[0] for levels in drawn} == {"ct", "ct_severe"}
    cases = cases_of(with_external, run_with_it, 2)
    assert cases.external.spec == cases.spec
    assert cases.external.test == prepared.external.cache.names
    assert cases.external.levels == ("severe", "mixed")
    assert set(cases.external.test).isdisjoint(cases.grades)


def test_added_to_a_run_it_can_be_neither_changed_nor_taken_away(experiment, with_external, added, content):
    before = content(added)
    other = replace(with_external.external, dose_levels=("severe",))
    for changed in (experiment, replace(with_external, external=other)):
        with pytest.raises(ExperimentError, match="external") as caught:
            prepare(changed, added)
        assert caught.value.code == "other_config"
    assert content(added) == before
    assert read_experiment(str(added / "config.yaml")) == with_external


def test_a_cohort_that_is_the_own_one_is_refused_and_the_run_stays_as_it_was(experiment, run, outside, content):
    before = content(run)
    with pytest.raises(CohortError) as caught:
        prepare(replace(experiment, external=External(cohort=outside)), run)
    assert caught.value.code == "known_patients"
    assert content(run) == before


def test_the_own_cts_under_other_names_are_refused(experiment, run, outside, content, tmp_path):
    renamed = tmp_path / "renamed.csv"
    header, *lines = outside.read_text().splitlines()
    others = []
    for number, line in enumerate(lines):
        _, _, rest = line.split(",", 2)
        others.append(f"north{number},north{number},{rest}")
    renamed.write_text("\n".join([header, *others]) + "\n")
    before = content(run)
    with pytest.raises(CohortError) as caught:
        prepare(replace(experiment, external=External(cohort=renamed)), run)
    assert caught.value.code == "known_ct"
    assert "north0 is phantom_100000" in caught.value.message
    assert content(run) == before


def test_one_of_its_cases_that_cannot_be_preprocessed_can_be_taken_out(experiment, run, added, damaged, tmp_path):
    cases = read_manifest(added / "external.csv").cases
    outside = tmp_path / "outside.csv"
    changed = replace(experiment, external=External(cohort=outside, dose_levels=()))
    write_manifest([*cases, damaged], outside)
    with pytest.raises(CohortError, match="take them out of the manifest, and start again"):
        prepare(changed, run)
    write_manifest(cases, outside)
    assert len(prepare(changed, run).external.cohort.cases) == len(cases)


def test_cases_without_a_grade_are_named(experiment, run, outside, tmp_path):
    with outside.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[4]["grade"] = ""
    with (tmp_path / "ungraded.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(CohortError, match="line 6, grade") as caught:
        prepare(replace(experiment, external=External(cohort=tmp_path / "ungraded.csv")), run)
    assert caught.value.code == "bad_manifest"


def test_a_job_that_has_not_met_it_yet_is_shown_as_untested_and_is_to_do(with_external, run_with_it, capsys):
    for _ in range(2):  # what stands in for the training predicts nothing
        run_experiment(with_external, run_with_it, train=FakeTraining())
    assert {progress.state for progress in progress_of_run(run_with_it)} == {"untested"}
    first, second = (line for line in capsys.readouterr().out.splitlines() if "done already" in line)
    assert first == "10 jobs, 0 done already, 10 to train"
    assert second == "10 jobs, 0 done already, 0 to train, 10 to test on the external cohort"


@pytest.mark.slow
def test_a_run_that_is_done_gets_their_predictions_without_training(tmp_path):
    changes = ["phantoms.count=12", "validation_share=0", "folds=2", "only_folds=[0,1]"]
    changes += ["teachers.dual.optimisation.epochs=1", "students.react_kd.optimisation.epochs=1"]
    run_config("smoke", tmp_path, set=changes, device="cpu")
    run = tmp_path / "smoke"
    trained = {path: path.read_bytes() for path in run.rglob("weights.safetensors")}
    assert len(trained) == 4
    look = {"ct_size": [88, 88, 42], "ct_spacing": [4.0, 4.0, 5.4], "pet_spacing": [6.0, 6.0, 6.0]}
    external = {"phantoms": {"count": 6, "first_seed": 7, "look": look}}
    run_config("smoke", tmp_path, set=[*changes, f"external={json.dumps(external)}"], device="cpu")
    assert {path: path.read_bytes() for path in run.rglob("weights.safetensors")} == trained
    assert {progress.state for progress in progress_of_run(run)} == {"done"}
    found = read_predictions(run / "fold1/seed0/student-react_kd/predictions.csv").select(split="external")
    assert set(found.dose) == {"native", "mild", "severe", "mixed"}
    text = summarise(run, split="external", names=("auc",)).markdown()
    assert "mean over networks" in text
    assert "| 6 of 6 |" in text
