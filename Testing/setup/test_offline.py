import os
import subprocess
import sys

import pytest

from REACTKDLib.setup import offline
from REACTKDLib.setup.errors import SetupError
from REACTKDLib.setup.manifest import MANIFEST_NAME, verify, write_manifest
from REACTKDLib.setup.offline import download_arguments, main, make
from REACTKDLib.setup.plan import Folder, install_plan
from REACTKDLib.setup.requirements import BUNDLED, proven_versions, read_requirements


def python(*arguments: str) -> subprocess.CompletedProcess:
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    alone |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=alone)


@pytest.fixture
def folder(tmp_path, write_wheel):
    """Wheels of everything; monai asks for more than the folder has, as the real one asks for numpy."""
    for name, version in proven_versions().items():
        more = ("numpy>=1.24", "torch>=2.8") if name == "monai" else ()
        write_wheel(tmp_path / "wheels", name, version, requires=more)
    write_manifest(tmp_path / "wheels")
    return tmp_path / "wheels"


def test_the_plan_installs_from_a_folder_without_any_network(complete, folder, tmp_path):
    missing = ("torch", "monai", "tqdm")
    for name in missing:
        complete.remove(name)
    for step in install_plan(complete.inspect(), Folder(folder)):
        into = ("--target", str(tmp_path / "target")) if step.kind == "pip" else ()
        done = python(*step.arguments, *into)
        assert done.returncode == 0, done.stderr
    found = {path.stem.split(".dist")[0] for path in (tmp_path / "target").glob("*.dist-info")}
    assert found == {f"{name}-{proven_versions()[name]}" for name in missing}


def test_the_first_step_ends_the_installation_of_an_altered_folder_with_the_reason(slicer, folder):
    first, *_ = install_plan(slicer.inspect(), Folder(folder))
    wheel = next(folder.glob("einops-*"))
    content = bytearray(wheel.read_bytes())
    content[40] ^= 1
    wheel.write_bytes(content)
    done = python(*first.arguments)
    assert done.returncode == 2
    assert done.stderr.strip().startswith(wheel.name)
    assert "Traceback" not in done.stderr


def test_what_is_downloaded_is_everything_but_what_slicer_brings(tmp_path):
    calls = download_arguments(tmp_path, "3.12", ("--index-url", "https://index.example"))
    packages = [argument.split("==")[0] for call in calls for argument in call if "==" in argument]
    assert sorted(packages) == sorted({need.name for need in read_requirements()} - BUNDLED)
    assert all("--only-binary" in call and "3.12" in call and "--index-url" in call for call in calls)
    (alone,) = (call for call in calls if "--no-deps" in call)
    assert alone[-1].startswith("monai")


def test_make_leaves_a_folder_that_verifies(tmp_path, write_wheel, monkeypatch):
    """With a pip that downloads from a folder."""
    for name, version in proven_versions().items():
        write_wheel(tmp_path / "index", name, version)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "model.json").write_text("{}")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    options = ["--no-index", "--find-links", str(tmp_path / "index")]
    status = main(["make", str(tmp_path / "made"), "--model", str(tmp_path / "demo"), *options])
    assert status == 0
    manifest = verify(tmp_path / "made")
    assert manifest.wheels == proven_versions()
    assert [model.name for model in manifest.models] == ["demo"]


def test_a_download_that_fails_leaves_no_manifest_and_says_why(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert main(["make", str(tmp_path / "made"), "--no-index", "--find-links", str(tmp_path)]) == 2
    *_, reason, last = capfd.readouterr().err.splitlines()
    assert reason.startswith("ERROR: No matching distribution found for")
    assert last.startswith("pip could not download everything")
    assert not (tmp_path / "made" / MANIFEST_NAME).exists()


def test_nothing_is_downloaded_into_a_folder_with_something_in_it(tmp_path, monkeypatch):
    (tmp_path / "thesis.docx").touch()
    monkeypatch.setattr(offline.subprocess, "run", lambda *_, **__: pytest.fail("pip was run"))
    with pytest.raises(SetupError) as caught:
        make(tmp_path)
    assert caught.value.code == "folder_not_empty"


def test_verify_says_nothing_about_a_good_folder(folder, capsys):
    assert main(["verify", str(folder)]) == 0
    assert capsys.readouterr() == ("", "")
