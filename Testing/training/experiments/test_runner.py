import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from Testing.training.experiments.fake_training import FakeTraining, begun
from training.cohorts.errors import CohortError
from training.engine.jobs import Job
from training.engine.settings import Optimisation
from training.evaluation.run_folder import DONE
from training.experiments.errors import ExperimentError
from training.experiments.jobs import jobs_of, teacher_of
from training.experiments.record import failure_of
from training.experiments.runner import run_experiment
from training.experiments.work import Work

FOLDERS = {
    f"fold{fold}/seed0/{job}"
    for fold in (0, 2)
    for job in ("teacher-dual", "teacher-ct", "student-react_kd", "student-of_ct", "student-alone")
}
DUAL, REACT_KD = Job("teacher", "dual", 0, 0), Job("student", "react_kd", 0, 0)


def done(run) -> set[str]:
    return {path.parent.relative_to(run).as_posix() for path in run.glob(f"fold*/seed*/*/{DONE}")}


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_is_trained_once_and_each_student_after_its_teacher(experiment, run, jobs, capsys):
    report = run_experiment(experiment, run, jobs=jobs, train=FakeTraining())
    assert report.all_done
    order = begun(run)
    assert set(order) == done(run) == FOLDERS
    assert len(order) == len(FOLDERS)
    for job in jobs_of(experiment):
        if teacher := teacher_of(experiment, job):
            assert order.index(str(teacher.folder)) < order.index(str(job.folder))
    told = capsys.readouterr().out
    assert "9 cases of 9 patients (grades 0, 1, 2: 3, 3, 3)" in told
    assert "student react_kd, fold 2, seed 0: done, best epoch 2, AUC 0.750" in told
    assert told.strip().endswith("0 left")


def test_a_student_starts_when_its_teacher_is_done_and_waits_for_no_other(experiment, run):
    last_teacher = Job("teacher", "ct", 2, 0)
    report = run_experiment(experiment, run, jobs=2, train=FakeTraining(waits=(last_teacher, REACT_KD)))
    assert report.all_done


def test_what_is_done_is_left_alone(experiment, run, capsys):
    (run / DUAL.folder).mkdir(parents=True)
    (run / DUAL.folder / DONE).write_text("{}")
    run_experiment(experiment, run, train=FakeTraining())
    assert str(DUAL.folder) not in begun(run)
    assert "10 jobs, 1 done already, 9 to train" in capsys.readouterr().out
    before = begun(run)
    assert run_experiment(experiment, run, train=FakeTraining()).all_done
    assert begun(run) == before


@pytest.mark.parametrize(("fault", "code"), [("fails", "loss_not_finite"), ("breaks", "internal")])
def test_a_teacher_that_fails_takes_its_own_students_along_and_no_other(experiment, run, fault, code, capsys):
    report = run_experiment(experiment, run, train=FakeTraining(**{fault: (DUAL,)}))
    assert [outcome.job for outcome in report.failed] == [DUAL]
    assert report.skipped == [REACT_KD]
    assert done(run) == FOLDERS - {str(DUAL.folder), str(REACT_KD.folder)}
    assert failure_of(run / DUAL.folder)["code"] == code
    told = capsys.readouterr().out
    assert "student react_kd, fold 0, seed 0: skipped, since teacher dual, fold 0, seed 0 is not done" in told
    assert "; 0 left" in told.splitlines()[-1]


def test_a_full_disk_is_said_in_words_that_name_the_job_and_no_path(experiment, run):
    report = run_experiment(experiment, run, train=FakeTraining(full=(DUAL,)))
    error = failure_of(run / DUAL.folder)
    assert [outcome.error for outcome in report.failed] == [error]
    assert error["code"] == "not_written"
    assert error["message"] == f"Files of {DUAL.folder} could not be read or written: {os.strerror(errno.ENOSPC)}."
    assert "Free some space" in error["hint"]
    assert run_experiment(experiment, run, train=FakeTraining()).all_done


def test_a_full_disk_under_torchrun_is_said_in_the_same_words(experiment, run):
    with pytest.raises(ExperimentError) as error:
        Work(FakeTraining(full=(DUAL,)), experiment, run).train_together(DUAL)
    assert error.value.to_dict() == failure_of(run / DUAL.folder)
    assert error.value.code == "not_written"


def test_a_job_that_failed_is_tried_again(experiment, run):
    run_experiment(experiment, run, train=FakeTraining(fails=(DUAL,)))
    assert run_experiment(experiment, run, train=FakeTraining()).all_done
    assert failure_of(run / DUAL.folder) is None
    assert done(run) == FOLDERS


def test_a_process_that_the_system_ends_costs_one_job_only(experiment, run):
    report = run_experiment(experiment, run, jobs=2, train=FakeTraining(killed=(DUAL,)))
    assert [(outcome.job, outcome.error["code"]) for outcome in report.failed] == [(DUAL, "worker_killed")]
    assert report.skipped == [REACT_KD]
    assert done(run) == FOLDERS - {str(DUAL.folder), str(REACT_KD.folder)}
    assert failure_of(run / DUAL.folder)["code"] == "worker_killed"
    assert run_experiment(experiment, run, jobs=2, train=FakeTraining()).all_done


def test_ctrl_c_keeps_what_is_done_and_the_next_start_goes_on(experiment, run):
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment, run, train=FakeTraining(interrupted=(Job("teacher", "ct", 2, 0),)))
    kept = done(run)
    assert len(kept) == 3
    assert run_experiment(experiment, run, train=FakeTraining()).all_done
    assert all(begun(run).count(folder) == 1 for folder in kept)


def test_a_run_of_another_configuration_is_refused_with_the_difference_and_nothing_is_touched(experiment, run, content):
    run_experiment(experiment, run, train=FakeTraining())
    before = content(run)
    other = replace(experiment, seeds=(0, 1), validation_share=0.3)
    with pytest.raises(ExperimentError, match="seeds: \\[0\\] in the run, \\[0, 1\\] now") as error:
        run_experiment(other, run, train=FakeTraining())
    assert error.value.code == "other_config"
    assert "validation_share: 0.2 in the run, 0.3 now" in error.value.message
    assert "teachers" not in error.value.message
    assert content(run) == before


def test_a_cohort_that_has_changed_since_is_refused(experiment, prepared_run, tmp_path):
    manifest = tmp_path / "manifest.csv"
    lines = (prepared_run / "cohort.csv").read_text().replace("phantoms/", f"{prepared_run}/phantoms/").splitlines()
    manifest.write_text("\n".join(lines))
    own = replace(experiment, phantoms=None, cohort=manifest)
    assert run_experiment(own, tmp_path / "own", train=FakeTraining()).all_done
    manifest.write_text("\n".join(lines[:-1]))
    with pytest.raises(ExperimentError) as error:
        run_experiment(own, tmp_path / "own", train=FakeTraining())
    assert error.value.code == "other_cohort"
    assert len((tmp_path / "own" / "cohort.csv").read_text().splitlines()) == len(lines)


def test_splits_that_hold_out_other_cases_than_the_folds_are_refused(experiment, run):
    splits = json.loads((run / "splits.json").read_text())
    splits["folds"].reverse()
    (run / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(CohortError, match=r"hold out other cases than folds\.json") as error:
        run_experiment(experiment, run, train=FakeTraining())
    assert error.value.code == "bad_splits"
    assert done(run) == set()


def test_two_processes_never_train_the_same_job(experiment, run):
    folder = run / DUAL.folder
    folder.mkdir(parents=True)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (folder / "running.json").write_text(json.dumps({"pid": other.pid, "host": socket.gethostname()}))
        report = run_experiment(experiment, run, train=FakeTraining())
    finally:
        other.kill()
        other.wait()
    assert [(outcome.job, outcome.error["code"]) for outcome in report.failed] == [(DUAL, "already_running")]
    assert str(DUAL.folder) not in begun(run)
    assert run_experiment(experiment, run, train=FakeTraining()).all_done


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"jobs": 0}, "bad_jobs"),
        ({"backend": "ray"}, "ray_jobs"),
    ],
)
def test_settings_of_the_run_that_cannot_be_are_refused(experiment, run, changes, code):
    with pytest.raises(ExperimentError) as error:
        run_experiment(experiment, run, train=FakeTraining(), **changes)
    assert error.value.code == code
    assert begun(run) == []


TOGETHER = """
    import os, sys
    from pathlib import Path
    from training.evaluation.run_folder import DONE
    from training.experiments.reading import read_experiment
    from training.experiments.runner import run_experiment
    import torch.distributed as distributed

    def train(experiment, run, job, *, device, show):
        if not distributed.is_initialized():
            distributed.init_process_group("gloo")
        with (run / f"rank{os.environ['RANK']}.log").open("a") as file:
            file.write(f"{job.folder}\\n")
        distributed.barrier()
        if os.environ["RANK"] == "0":
            (run / job.folder / DONE).write_text("{}")

    run = Path(sys.argv[1])
    run_experiment(read_experiment(str(run / "config.yaml")), run, train=train)
"""


def test_under_torchrun_all_processes_train_the_same_jobs_in_the_same_order(run, project, tmp_path):
    (run / "cohort.csv").unlink()  # the first process makes it, and the other has to wait
    script = tmp_path / "together.py"
    script.write_text(textwrap.dedent(TOGETHER))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, run]
    environment = {**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE, text=True)
    try:
        told, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0
    orders = [(run / f"rank{rank}.log").read_text().split() for rank in (0, 1)]
    assert orders[0] == orders[1]
    assert set(orders[0]) == done(run) == FOLDERS
    assert told.count("10 to train") == 1


@pytest.mark.slow
def test_ray_trains_the_same_jobs(experiment, run):
    report = run_experiment(experiment, run, jobs=2, backend="ray", train=FakeTraining(fails=(DUAL,)))
    assert [outcome.job for outcome in report.failed] == [DUAL]
    assert report.skipped == [REACT_KD]
    assert done(run) == FOLDERS - {str(DUAL.folder), str(REACT_KD.folder)}


@pytest.mark.slow
def test_a_ray_worker_that_the_system_ends_costs_one_job_only(experiment, run):
    report = run_experiment(experiment, run, jobs=2, backend="ray", train=FakeTraining(killed=(DUAL,)))
    assert [(outcome.job, outcome.error["code"]) for outcome in report.failed] == [(DUAL, "worker_killed")]
    assert report.skipped == [REACT_KD]
    assert done(run) == FOLDERS - {str(DUAL.folder), str(REACT_KD.folder)}
    assert failure_of(run / DUAL.folder)["code"] == "worker_killed"
    assert run_experiment(experiment, run, jobs=2, backend="ray", train=FakeTraining()).all_done


@pytest.mark.slow
def test_a_ray_cluster_of_two_workers_gives_the_results_of_two_local_processes(experiment, run, tmp_path):
    ray = pytest.importorskip("ray")
    quick = Optimisation(epochs=2, batch_size=2)
    students = {name: experiment.students[name] for name in ("react_kd", "alone")}
    tiny = replace(
        experiment,
        validation_share=0.0,
        teachers={"dual": replace(experiment.teachers["dual"], optimisation=quick)},
        students={name: replace(settings, optimisation=quick) for name, settings in students.items()},
    )
    on_ray = tmp_path / "ray"
    on_ray.mkdir()
    shutil.copytree(run / "phantoms", on_ray / "phantoms")
    shutil.copytree(on_ray, tmp_path / "local")
    for backend in ("ray", "local"):
        assert run_experiment(tiny, tmp_path / backend, jobs=2, backend=backend, device="cpu").all_done
    assert ray.cluster_resources()["CPU"] == 2
    names = ("predictions.csv", "metrics.csv", "weights.safetensors", DONE)
    found = [path for path in on_ray.glob("fold*/seed*/*/*") if path.name in names]
    assert len(found) == 2 * 3 * len(names)
    for path in found:
        assert path.read_bytes() == (tmp_path / "local" / path.relative_to(on_ray)).read_bytes(), path.name
