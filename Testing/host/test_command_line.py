import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Testing.slicer_host.command_line import FLAGS, parse

WORDS = st.lists(st.sampled_from(["--", "cohort.csv", "--out", "-x", "--resume", *FLAGS]), max_size=8)


@given(words=WORDS)
def test_what_the_application_does_not_know_is_the_scripts_in_order(words):
    line = parse(["--python-script", "s.py", *words])
    assert line.script == "s.py"
    assert line.arguments == [word for word in words if word not in FLAGS]
    assert line.testing is ("--testing" in words)


@given(words=WORDS)
def test_behind_three_dashes_everything_is_the_scripts(words):
    line = parse(["--python-script", "s.py", "---", *words])
    assert line.arguments == words
    assert line.testing is False


def test_folders_of_modules_end_at_the_next_option():
    line = parse(["--additional-module-paths", "a", "b", "--testing", "--python-script", "s.py", "c"])
    assert (line.module_paths, line.arguments, line.testing) == (["a", "b"], ["c"], True)


def test_a_script_is_needed():
    with pytest.raises(ValueError, match="script"):
        parse(["--testing"])


@pytest.fixture
def run(project, tmp_path):
    """Runs a script's text with words of a command line."""

    def run(text: str, *words: str):
        path = tmp_path / "script.py"
        path.write_text(text)
        command = [sys.executable, "-m", "Testing.slicer_host", "--no-main-window", "--python-script", str(path)]
        return subprocess.run([*command, *words], cwd=project, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_a_script_gets_its_arguments_and_ends_with_the_status_it_says(run):
    text = "import sys, slicer\nprint(sys.argv[1:], __name__, slicer.app.testingEnabled())\nsys.exit(4)"
    ended = run(text, "--", "cohort.csv", "--testing")
    assert ended.stdout.strip() == "['--', 'cohort.csv'] __main__ True"
    assert ended.returncode == 4


def test_asking_to_exit_does_not_stop_the_script(run):
    ended = run("import slicer\nslicer.util.exit(5)\nprint('went on')")
    assert (ended.returncode, ended.stdout.strip()) == (5, "went on")


@pytest.mark.parametrize(("text", "status"), [("raise ValueError('lost')", 1), ("import slicer", 0)])
def test_testing_ends_with_the_script_and_says_if_it_failed(run, text, status):
    ended = run(text, "--testing")
    assert ended.returncode == status
    assert ("lost" in ended.stderr) is bool(status)


def test_the_event_loop_runs_after_the_script_until_something_exits(run):
    text = "import qt, slicer\nqt.QTimer.singleShot(20, lambda: slicer.util.exit(6))\nraise ValueError('goes on')"
    assert run(text).returncode == 6


def test_the_host_needs_no_package_of_the_networks(run):
    text = (
        "import sys, slicer\n"
        "print([name for name in ('torch', 'monai', 'einops', 'jinja2') if name in sys.modules])\nsys.exit(0)"
    )
    assert run(text).stdout.strip() == "[]"
