"""The headless batch, run as Slicer runs a script: a process of its own, its exit status, what it prints and leaves."""

import csv
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from REACTKDLib.inference.prediction import Prediction
from REACTKDLib.scene.rendering import can_render

SCRIPT = Path(__file__).parents[2] / "REACTKD" / "Scripts" / "reactkd_batch.py"
HOST = ("-m", "Testing.slicer_host")
WITHOUT_TORCH = (
    "-c",
    "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('Testing.slicer_host', run_name='__main__')",
)
LIMIT_S = 240


class Batch:
    """Runs the script; what it has printed so far is in a file, as if Slicer were started with its output piped."""

    def __init__(self, project: Path, log: Path):
        self._project = project
        self._log = log

    def start(self, *arguments, script: Path = SCRIPT, host=HOST, **options) -> subprocess.Popen:
        command = [sys.executable, *host, "--no-main-window", "--python-script", script, "--", *arguments]
        with self._log.open("w") as log:
            return subprocess.Popen(
                [str(part) for part in command],
                cwd=self._project, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options,
            )  # fmt: skip

    def run(self, *arguments, **options) -> int:
        """Exit status."""
        return self.start(*arguments, **options).wait(LIMIT_S)

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + LIMIT_S
        while text not in self.output:
            assert time.monotonic() < end, f"'{text}' was not printed:\n{self.output}"
            time.sleep(0.02)


@pytest.fixture
def batch(project, tmp_path):
    return Batch(project, tmp_path / "output.txt")


@pytest.fixture
def cohort(phantom, tmp_path):
    """Writes a cohort of the phantom, with these files as the CT of each case; None: the phantom's own."""

    def write(*cts: str | None) -> Path:
        (tmp_path / "Doe_John.nii.gz").write_text("no image")
        path = tmp_path / "cohort.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["case", "ct", "segmentation"])
            for number, ct in enumerate(cts, start=1):
                writer.writerow([f"case_{number}", ct or phantom / "ct.nii.gz", phantom / "segmentation.seg.nrrd"])
        return path

    return write


@pytest.fixture
def options(model, tmp_path):
    return ("--out", tmp_path / "out", "--model", model, "--device", "cpu")


def summary(out: Path) -> dict[str, str]:
    with (out / "summary.csv").open(newline="") as file:
        return {row["case"]: row["status"] for row in csv.DictReader(file)}


def logits(out: Path) -> dict[str, tuple[float, ...]]:
    return {path.parent.name: Prediction.read(path.parent).logits for path in out.glob("*/prediction.json")}


def times(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/prediction.json")}


def test_of_six_cases_two_broken_ones_are_reported_the_rest_is_done_and_resume_redoes_nothing(
    batch, cohort, options, tmp_path
):
    table = cohort(None, "Doe_John.nii.gz", None, None, "Doe_Jane_missing.nii.gz", None)
    out = tmp_path / "out"
    assert batch.run(table, *options, "--no-report") == 1
    lines = batch.output.splitlines()
    assert [line.split(" (")[0].split(",")[0] for line in lines if line.startswith("[")] == [
        "[1/6] case_1: done",
        "[2/6] case_2: failed",
        "[3/6] case_3: done",
        "[4/6] case_4: done",
        "[5/6] case_5: failed",
        "[6/6] case_6: done",
    ]
    assert "unreadable" in lines[1]
    assert "missing_file" in lines[4]
    assert lines[-1] == "4 done, 2 failed of 6 cases"
    assert sorted(path.name for path in out.iterdir()) == ["case_1", "case_3", "case_4", "case_6", "summary.csv"]

    before = times(out)
    assert batch.run(table, *options, "--no-report", "--resume") == 1
    assert batch.output.splitlines()[-1] == "4 skipped, 2 failed of 6 cases"
    assert times(out) == before
    assert summary(out) == {
        f"case_{number}": "failed" if number in (2, 5) else "skipped" for number in (1, 2, 3, 4, 5, 6)
    }


def test_results_of_cases_that_are_no_longer_in_the_cohort_are_named(batch, cohort, options):
    assert batch.run(cohort(None, None), *options, "--no-report") == 0
    assert batch.run(cohort(None), *options, "--no-report", "--resume") == 0
    assert batch.output.splitlines()[-2:] == ["1 skipped of 1 case", "Of other runs, and not in summary.csv: case_2"]


def test_no_path_or_file_name_of_an_input_is_printed(batch, cohort, options, phantom, tmp_path):
    batch.run(cohort("Doe_John.nii.gz", "Doe_Jane_missing.nii.gz", None), *options, "--no-report")
    assert "Doe" not in batch.output
    assert str(tmp_path) not in batch.output
    assert str(phantom) not in batch.output


def test_it_gives_the_logits_of_the_command_line(batch, cohort, options, tmp_path):
    from REACTKDLib.cli import main

    table = cohort(None)
    assert batch.run(table, *options, "--no-report") == 0
    assert main(["batch", *map(str, (table, *options, "--no-report")), "--out", str(tmp_path / "command_line")]) == 0
    assert logits(tmp_path / "out") == logits(tmp_path / "command_line")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_killed_and_resumed_it_ends_where_an_uninterrupted_run_does(batch, cohort, options, tmp_path):
    table = cohort(None, None, None, None)
    whole = ("--out", tmp_path / "whole", *options[2:])
    assert batch.run(table, *whole, "--no-report") == 0
    process = batch.start(table, *options, "--no-report")
    batch.wait_for("[2/4]")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(LIMIT_S)
    out = tmp_path / "out"
    done = len(logits(out))
    assert 2 <= done < 4
    assert batch.run(table, *options, "--no-report", "--resume") == 0
    assert batch.output.splitlines()[-1] == f"{done} skipped, {4 - done} done of 4 cases"
    assert logits(out) == logits(tmp_path / "whole")
    assert len(summary(out)) == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_ctrl_c_leaves_whole_results_a_summary_and_word_of_how_to_go_on(batch, cohort, options, tmp_path):
    def ignore() -> None:
        """Python does not take Ctrl-C up by itself where it is off, as Slicer leaves it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    process = batch.start(cohort(*[None] * 8), *options, preexec_fn=ignore)
    batch.wait_for("[2/8]")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(LIMIT_S) == 130
    assert "--resume" in batch.output.splitlines()[-1]
    assert "Traceback" not in batch.output
    out = tmp_path / "out"
    folders = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert folders == sorted(logits(out))
    assert set(summary(out)) <= set(folders)
    assert 2 <= len(summary(out)) < 8


def test_without_torch_it_says_so_and_what_to_do(batch, cohort, options, tmp_path):
    assert batch.run(cohort(None), *options, host=WITHOUT_TORCH) == 2
    assert "torch" in batch.output
    assert "install" in batch.output
    assert "Traceback" not in batch.output
    assert not (tmp_path / "out").exists()


@pytest.fixture
def in_process(capsys):
    """The script's `main` without a process of its own, for what ends before any case: exit status and output."""
    main = runpy.run_path(str(SCRIPT))["main"]

    def run(*arguments) -> tuple[int, str]:
        status = main([str(argument) for argument in arguments])
        return status, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--no-such-option",), "unrecognized"),
        (("--model", "nowhere"), "missing_model"),
        (("--device", "cuda:77"), "no_such_device"),
    ],
)
def test_what_cannot_be_meant_is_status_2_with_one_plain_message(in_process, cohort, options, wrong, words):
    status, output = in_process(cohort(None), *options, *wrong)
    assert status == 2
    assert words in output


def test_a_cohort_that_does_not_exist_is_status_2(in_process, options, tmp_path):
    status, output = in_process(tmp_path / "none.csv", *options)
    assert status == 2
    assert "missing_file" in output


def test_a_dry_run_checks_every_case_and_writes_nothing(in_process, cohort, options, tmp_path):
    status, output = in_process(cohort(None, "Doe_John.nii.gz"), *options, "--dry-run")
    assert status == 1
    assert output.splitlines()[-1] == "1 checked, 1 failed of 2 cases"
    assert "Doe" not in output
    assert not (tmp_path / "out").exists()


def test_help_ends_with_status_0(in_process):
    status, output = in_process("--help")
    assert status == 0
    assert "--resume" in output


@pytest.mark.slow
def test_scenes_and_pictures_join_each_result_and_its_report(batch, cohort, options, tmp_path):
    assert batch.run(cohort(None, None), *options, "--scenes", "--snapshots") == 0
    can, reason = can_render()
    for name in ("case_1", "case_2"):
        folder = tmp_path / "out" / name
        assert (folder / "scene.mrb").stat().st_size > 10_000
        assert len(list(folder.glob("pictures/*.png"))) == (5 if can else 0)
        assert (
            can and "region graph, from the front and right" in (folder / "report.html").read_text(encoding="utf-8")
        ) or reason
    assert batch.output.count("No pictures") == (0 if can else 1)


def test_the_script_is_plain_ascii():
    """Slicer opens it in the encoding of the system, whichever that is."""
    assert SCRIPT.read_bytes().isascii()


@pytest.fixture
def check(batch, project):
    """Runs a script of those that ctest runs in Slicer, with the module loaded."""
    modules = ("--additional-module-paths", project / "REACTKD")

    def run(name: str, host=HOST) -> int:
        script = project / "Testing" / "in_application" / f"{name}.py"
        return batch.run(script=script, host=(*host, *modules))

    return run


CHECKS = ("REACTKDSelfTest", "REACTKDBatchTest")


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_the_checks_that_ctest_runs_in_slicer_pass_in_the_host(batch, check, name):
    assert check(name) == 0, batch.output


@pytest.mark.parametrize("name", CHECKS)
def test_the_checks_that_ctest_runs_count_as_not_run_where_packages_are_missing(batch, check, name):
    assert check(name, WITHOUT_TORCH) == 77, batch.output
    assert "Not run" in batch.output


def test_the_installed_script_finds_the_installed_library(batch, installed, cohort, options, tmp_path):
    script = installed / "Scripts" / "reactkd_batch.py"
    assert batch.run(cohort(None), *options, "--no-report", script=script) == 0
    provenance = json.loads((tmp_path / "out" / "case_1" / "prediction.json").read_text())["provenance"]
    assert provenance["inputs"]
