import pytest

from REACTKDLib.setup.errors import SetupError
from REACTKDLib.setup.manifest import write_manifest
from REACTKDLib.setup.plan import Folder, Network, install_plan
from REACTKDLib.setup.requirements import BUNDLED, PYTORCH, WITHOUT_DEPENDENCIES, proven_versions


def packages_of(steps) -> list[str]:
    return [name for step in steps for name in step.packages]


@pytest.fixture
def wheels(tmp_path, write_wheel) -> Folder:
    """A wheel of everything that is to be installed, with its manifest."""
    for name, version in proven_versions().items():
        write_wheel(tmp_path / "wheels", name, version)
    write_manifest(tmp_path / "wheels")
    return Folder(tmp_path / "wheels")


def test_a_complete_python_needs_no_step(complete):
    assert install_plan(complete.inspect(), Network()) == ()


def test_each_missing_package_has_one_step_and_no_other_package_has_one(complete):
    complete.remove("monai")
    complete.remove("tqdm")
    assert packages_of(install_plan(complete.inspect(), Network())) == ["monai", "tqdm"]


def test_from_the_network_torch_comes_through_the_extension_and_never_through_pip(slicer):
    steps = install_plan(slicer.inspect(), Network())
    (torch,) = (step for step in steps if PYTORCH in step.packages)
    assert (torch.kind, torch.arguments, torch.wanted) == ("pytorch_extension", (), ">=2.8,<3")
    assert not any(argument.startswith(PYTORCH) for step in steps for argument in step.arguments)


def test_pip_installs_wheels_of_proven_versions_without_a_question(slicer):
    for step in install_plan(slicer.inspect(), Network()):
        if step.kind == "pip":
            text = " ".join(step.arguments)
            assert text.startswith("-m pip install ")
            assert "--no-input --disable-pip-version-check --progress-bar off --only-binary :all:" in text
            assert step.arguments[-1] == f"{step.packages[0]}=={proven_versions()[step.packages[0]]}"
            assert ("--no-deps" in step.arguments) == (step.packages[0] in WITHOUT_DEPENDENCIES)
            assert "--no-index" not in step.arguments


def test_a_label_says_what_comes_in_which_version_and_how_large(complete):
    complete.remove("monai")
    (step,) = install_plan(complete.inspect(), Network())
    assert step.label == f"monai {proven_versions()['monai']}, about 2 MB"


def test_no_step_ever_names_a_package_of_slicer(slicer, wheels):
    for source in (Network(), wheels):
        for step in install_plan(slicer.inspect(), source):
            assert BUNDLED.isdisjoint(step.packages)
            assert not any(argument.startswith(tuple(BUNDLED)) for argument in step.arguments)


def test_from_a_folder_everything_is_verified_first_and_nothing_else_is_asked(slicer, wheels):
    first, *others = install_plan(slicer.inspect(), wheels)
    assert first.kind == "verify"
    assert first.arguments == ("-m", "REACTKDLib.setup.offline", "verify", str(wheels.path))
    assert packages_of(others) == list(proven_versions())
    for step in others:
        assert step.kind == "pip"
        assert "--no-index" in step.arguments
        assert step.arguments[step.arguments.index("--find-links") + 1] == str(wheels.path)


def test_a_folder_that_lacks_a_package_is_refused_before_anything_runs(slicer, wheels):
    next(wheels.path.glob("tqdm-*")).unlink()
    write_manifest(wheels.path)
    with pytest.raises(SetupError, match="no wheel of tqdm") as caught:
        install_plan(slicer.inspect(), wheels)
    assert caught.value.code == "package_not_in_folder"


def test_a_folder_with_another_version_is_refused_and_with_another_build_is_not(slicer, wheels, write_wheel):
    next(wheels.path.glob("torch-*")).unlink()
    write_wheel(wheels.path, "torch", f"{proven_versions()['torch']}+cu130")
    write_manifest(wheels.path)
    assert install_plan(slicer.inspect(), wheels)
    next(wheels.path.glob("monai-*")).unlink()
    write_wheel(wheels.path, "monai", "1.6.0")
    write_manifest(wheels.path)
    with pytest.raises(SetupError, match=f"no wheel of monai {proven_versions()['monai']}"):
        install_plan(slicer.inspect(), wheels)


def test_a_folder_may_lack_what_is_there_already(complete, wheels):
    complete.remove("monai")
    next(wheels.path.glob("tqdm-*")).unlink()
    write_manifest(wheels.path)
    assert packages_of(install_plan(complete.inspect(), wheels)) == ["monai"]


def test_what_lost_its_files_is_removed_before_it_is_installed_again(complete):
    (complete.folder / "monai.py").unlink()
    first, second = install_plan(complete.inspect(), Network())
    assert first.arguments[:3] == ("-m", "pip", "uninstall")
    assert first.arguments[-1] == "monai"
    assert second.packages == ("monai",)


def test_where_nothing_can_be_installed_the_reasons_are_the_hint(slicer):
    environment = slicer.inspect(writable=False, free_mb=1)
    with pytest.raises(SetupError) as caught:
        install_plan(environment, Network())
    assert caught.value.code == "cannot_install"
    assert all(obstacle in caught.value.hint for obstacle in environment.obstacles)
