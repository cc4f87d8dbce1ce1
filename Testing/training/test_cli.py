import re
import shlex
import sys

import pytest

from training.cli import main
from training.experiments.reading import read_experiment

COMMANDS = (
    "fetch",
    "manifest",
    "check",
    "simulate-dose",
    "preprocess",
    "run",
    "status",
    "export",
    "report",
)


@pytest.fixture
def call(monkeypatch, capsys):
    """Exit status, stdout and stderr of `reactkd-train` with these arguments."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["reactkd-train", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as exit_:
            status = exit_.code or 0
        return status, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def readme(project) -> str:
    return (project / "training" / "README.md").read_text(encoding="utf-8")


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))


def test_the_help_names_every_command_and_no_other(call):
    status, text, _ = call("--help")
    assert status == 0
    assert tuple(re.search(r"\{(fetch,.+?)\}", text)[1].split(",")) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_that_ends_well(call, command):
    status, text, errors = call(command, "--help")
    assert (status, errors) == (0, "")
    assert f"reactkd-train [options] {command}" in text
    assert "--help" in options_of(text)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("run", "nonsense"), "missing_config", "There is no experiment nonsense"),
        (("run", "smoke", "--set", "folds"), "bad_config", "--set folds names no setting"),
        (("run", "smoke", "--set", "fold=3"), "bad_config", "Did you mean folds?"),
        (("run", "smoke", "--set", "folds=three"), "bad_config", "folds cannot be 'three'"),
        (("run", "smoke", "--set", "folds=[1"), "bad_config", "is not YAML"),
        (("run", "smoke", "--without", "kd"), "bad_config", "there is no kd among the students"),
        (("run", "smoke", "--settings", "nonsense"), "missing_config", "There is no experiment nonsense"),
        (("run", "smoke", "--set", "folds=1"), "bad_setting", "folds cannot be 1"),
        (("run", "smoke", "--set", "students.react_kd.method=none"), "unknown_method", "react_kd"),
        (("run", "smoke", "--jobs", "0"), "bad_jobs", "--jobs cannot be 0"),
        (("run", "paper"), "no_cohort", "--cohort FILE"),
        (("run", "paper", "--cohort", "absent.csv"), "missing_file", "absent.csv"),
        (("report", "absent"), "no_run", "absent is not the folder of a run"),
        (("report", "absent", "--explanations", "-3"), "bad_explanations", "--explanations cannot be -3"),
        (("status", "absent"), "no_run", "absent is not the folder of a run"),
        (("export", "absent"), "no_run", "absent is not the folder of a run"),
        (("check", "absent.csv"), "missing_file", "absent.csv"),
        (("preprocess", "absent.csv"), "missing_file", "absent.csv"),
        (("manifest", "folder", "absent"), "missing_file", "absent"),
        (("simulate-dose", "absent.nii.gz", "out.nii.gz"), "missing_file", "absent.nii.gz"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_made(
    call, arguments, code, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    status, out, errors = call(*arguments)
    assert (status, out) == (2, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"{code}: ")
    assert says in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("run",), ("run", "smoke", "--jobs", "two"), ("run", "--no")])
def test_a_command_line_that_cannot_be_read_is_refused_without_a_traceback(call, arguments):
    status, _, errors = call(*arguments)
    assert status == 2
    assert "error: " in errors
    assert "Traceback" not in errors


@pytest.fixture
def started(monkeypatch) -> list:
    """The experiments that `run` would train; it is stopped at once."""
    seen = []

    def run_experiment(experiment, run, **_):
        seen.append(experiment)
        raise KeyboardInterrupt

    monkeypatch.setattr("training.experiments.commands.run_experiment", run_experiment)
    return seen


def test_set_can_be_repeated_and_the_later_change_counts(call, started, tmp_path):
    changes = ("folds=4", "seeds=[1, 2]", "folds=5")
    status, _, errors = call("run", "smoke", "--out", tmp_path, *(part for one in changes for part in ("--set", one)))
    assert status == 130
    assert "The same command goes on" in errors
    assert started == [read_experiment("smoke", changes)]
    assert (started[0].folds, started[0].seeds) == (5, (1, 2))


def test_students_are_left_out_by_names_with_commas_or_one_by_one(call, started, tmp_path):
    call("run", "table1", "--out", tmp_path, "--without", "kd,at", "--without", "sp")
    assert started == [read_experiment("table1", without=["kd", "at", "sp"])]
    assert {"kd", "at", "sp"}.isdisjoint(started[0].students)


def test_a_cohort_in_place_of_phantoms_is_warned_of_once_unless_it_has_other_settings(call, started, tmp_path):
    warning = "table1.yaml is made for phantoms: its grid of 16x24x24"
    with_cohort = ("run", "table1", "--out", tmp_path, "--cohort", "mine.csv")
    _, _, errors = call(*with_cohort)
    assert errors.count(warning) == 1
    assert "--settings paper" in errors
    for arguments in (
        (*with_cohort, "--settings", "paper"),
        ("run", "table1", "--out", tmp_path),
        ("run", "paper", "--out", tmp_path, "--cohort", "mine.csv"),
    ):
        assert "is made for phantoms" not in call(*arguments)[2]
    assert started[1] == read_experiment("table1", cohort="mine.csv", settings="paper")


def test_every_command_and_option_the_researchers_page_writes_down_exists(call, readme):
    lines = [shlex.split(found) for found in re.findall(r"reactkd-train ([^`\n]+)", readme)]
    assert {words[0] for words in lines} >= {"fetch", "manifest", "check", "preprocess", "run", "status", "export"}
    for command, *words in lines:
        known = options_of(call(command, "--help")[1])
        assert {word for word in words if word.startswith("--")} <= known, command


def test_the_experiment_the_researchers_page_writes_down_can_be_read(readme, tmp_path):
    text = re.search(r"```yaml\n(.+?)```", readme, re.DOTALL)[1]
    (tmp_path / "mine.yaml").write_text(text)
    experiment = read_experiment(str(tmp_path / "mine.yaml"))
    assert experiment.cohort == tmp_path / "cohort.csv"
    assert set(experiment.students) == {"react_kd", "alone"}


def test_every_file_the_researchers_page_links_exists(readme, project):
    links = re.findall(r"\]\(([^)#]+)", readme)
    assert links
    assert [link for link in links if not (project / "training" / link).exists()] == []
