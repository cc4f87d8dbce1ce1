import json
import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.setup.errors import SetupError
from REACTKDLib.setup.import_test import (
    CudaDevice,
    ImportTest,
    import_test_arguments,
    main,
    read_import_test,
)
from REACTKDLib.setup.requirements import read_requirements

PASSED = ImportTest({"torch": "2.13.0+cu130"}, "CUDA 13.0", "H100", (CudaDevice("H100", 79.2),), 3.1)


def run(project, *arguments, script: str = "") -> subprocess.CompletedProcess:
    command = ["-c", script] if script else [*import_test_arguments(*arguments)]
    return subprocess.run([sys.executable, *command], cwd=project, capture_output=True, text=True, check=False)


def refusal(*output) -> SetupError:
    with pytest.raises(SetupError) as caught:
        read_import_test(*output)
    return caught.value


def test_where_everything_works_it_says_so_with_versions_and_device(project):
    done = run(project, "cpu")
    found = read_import_test(done.stdout, done.stderr, done.returncode)
    assert found.versions.keys() == {need.name for need in read_requirements()}
    assert found.device == "CPU"
    assert done.returncode == 0


def test_a_package_that_does_not_load_is_named_without_a_traceback(project):
    script = """
import sys
sys.modules["monai"] = None
from REACTKDLib.setup.import_test import main
sys.exit(main(["--device", "cpu"]))
"""
    done = run(project, script=script)
    error = refusal(done.stdout, done.stderr, done.returncode)
    assert error.code == "import_failed"
    assert error.message.startswith("monai is installed but does not load: ")
    assert "\n" not in error.message
    assert "Traceback" not in done.stderr


def test_a_device_that_is_not_there_is_told_in_the_words_of_the_engine(capsys):
    assert main(["--device", "cuda:97"]) == 2
    captured = capsys.readouterr()
    assert refusal(captured.out, captured.err, 2).code == "no_such_device"


def test_a_process_that_dies_is_no_success_and_its_last_line_is_the_reason(project):
    done = run(
        project, script="import os, sys; sys.stderr.write('a\\nterminate called\\n'); sys.stderr.flush(); os.abort()"
    )
    error = refusal(done.stdout, done.stderr, done.returncode)
    assert error.code == "no_answer"
    assert error.message.endswith("terminate called")


def test_a_status_of_zero_without_an_answer_is_no_success():
    assert refusal('all is well\n{"loss": 1}\n[1]\n', "", 0).code == "no_answer"


def test_the_last_line_of_a_traceback_loses_the_name_of_its_exception():
    stderr = (
        'Traceback (most recent call last):\n  File "x.py", line 1\nImportError: DLL load failed while importing _C\n'
    )
    message = refusal("", stderr, 1).message
    assert message.endswith("status 1: DLL load failed while importing _C")


@given(noise=st.lists(st.text(), max_size=4), more=st.lists(st.text(), max_size=4))
def test_what_libraries_print_around_the_answer_does_not_hide_it(noise, more):
    answer = json.dumps({"works": asdict(PASSED)})
    assert read_import_test("\n".join([*noise, answer, *more]), "", 0) == PASSED


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda:1"])
def test_the_device_is_passed_on(device):
    assert import_test_arguments(device)[-1] == device
