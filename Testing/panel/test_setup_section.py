"""Setup in the panel: consent before anything, no dialog that blocks, success only after everything was tried."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest
import slicer

from REACTKDLib.setup.plan import Step


@pytest.fixture
def section(panel, tmp_path, monkeypatch):
    """The section, as if einops were missing; its record of what was installed in a folder of the test."""
    module = sys.modules[type(panel.setup).__module__]
    environment = panel.setup.environment
    requirements = [
        replace(status, installed=None, state="missing") if status.name == "einops" else status
        for status in environment.requirements
    ]
    monkeypatch.setattr(module, "inspect_environment", lambda: replace(environment, requirements=tuple(requirements)))
    monkeypatch.setattr(module, "_record_folder", lambda: tmp_path / "record")
    panel.setup.refresh()
    yield panel.setup
    monkeypatch.undo()
    panel.setup.refresh()


@pytest.fixture
def steps(section, monkeypatch):
    """What the plan says, in the place of pip: (label, code that Python runs) each."""

    def set_steps(*steps: tuple[str, str]) -> None:
        made = tuple(Step("pip", label, arguments=("-c", code)) for label, code in steps)
        monkeypatch.setattr(sys.modules[type(section).__module__], "install_plan", lambda *_: made)

    return set_steps


def done(host, section):
    host.wait(lambda: section._installation is None, 90)


def test_everything_that_is_needed_is_listed_with_its_state(ui, section):
    names = [ui.setupTable.item(row, 0).text() for row in range(ui.setupTable.rowCount)]
    states = [ui.setupTable.item(row, 3).text() for row in range(ui.setupTable.rowCount)]
    assert {"torch", "monai", "einops", "numpy"} <= set(names)
    assert states[names.index("einops")].startswith("missing, from PyPI")
    assert states[names.index("numpy")] == "✓"


def test_what_is_missing_disables_apply_and_says_so(case, ui, section):
    assert not ui.applyButton.enabled
    assert "einops" in ui.applyButton.toolTip


def test_nothing_is_run_without_consent(host, ui, section, steps, tmp_path):
    steps(("einops, about 1 MB", f"open({str(tmp_path / 'ran')!r}, 'w')"))
    host.answers.append(False)
    host.click(ui.installButton)
    assert section._installation is None
    assert not (tmp_path / "ran").exists()
    kind, text = host.messages[-1]
    assert "einops, about 1 MB" in text
    assert "pypi.org" in text
    assert kind in ("question", "info")


def test_after_the_steps_everything_is_tried_out_before_success_is_claimed(host, ui, section, steps):
    steps(("first", "print('Collecting')"), ("second", "pass"))
    host.click(ui.installButton)
    assert ui.installButton.text == "Cancel"
    done(host, section)
    assert "Everything works: torch" in ui.setupLabel.text
    assert ui.installButton.text == "Install…"
    assert "Collecting" in section._lines


def test_a_step_that_fails_is_said_with_pips_own_words(host, ui, section, steps):
    steps(
        (
            "einops",
            "import sys; print('ERROR: No matching distribution found for einops', file=sys.stderr); sys.exit(1)",
        )
    )
    host.click(ui.installButton)
    done(host, section)
    assert "No matching distribution found for einops" in ui.setupLabel.text
    assert "works" not in ui.setupLabel.text


def test_an_installation_can_be_cancelled(host, ui, section, steps):
    steps(("slow", "import time; time.sleep(60)"))
    host.click(ui.installButton)
    host.wait(lambda: "slow" in ui.setupLabel.text)
    host.click(ui.installButton)
    assert section._installation is None
    assert "Stopped" in ui.setupLabel.text


def test_without_the_pytorch_extension_it_is_named(host, ui, section, monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    torch = Step("pytorch_extension", "torch", ("torch",), wanted=">=2.8")
    monkeypatch.setattr(sys.modules[type(section).__module__], "install_plan", lambda *_: (torch,))
    host.click(ui.installButton)
    done(host, section)
    assert "extension PyTorch" in ui.setupLabel.text


@pytest.fixture
def pytorch_extension(monkeypatch, section):
    """Installs an extension PyTorch whose installTorch is the function given, and a plan of torch and another step."""

    def install(install_torch) -> None:
        class PyTorchUtilsLogic:
            def installTorch(
                self,
                askConfirmation=False,
                forceComputationBackend=None,
                torchVersionRequirement=None,
                torchvisionVersionRequirement=None,
            ):
                return install_torch()

        extension = ModuleType("PyTorchUtils")
        extension.PyTorchUtilsLogic = PyTorchUtilsLogic
        monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
        plan = (
            Step("pytorch_extension", "torch", ("torch",), wanted=">=2.8"),
            Step("pip", "second", arguments=("-c", "print('second ran')")),
        )
        monkeypatch.setattr(sys.modules[type(section).__module__], "install_plan", lambda *_: plan)

    return install


def test_a_torch_that_does_not_load_is_not_taken_for_a_missing_extension(host, ui, section, pytorch_extension):
    def install_torch():
        raise ImportError("DLL load failed while importing _C")

    pytorch_extension(install_torch)
    host.click(ui.installButton)
    done(host, section)
    assert "DLL load failed" in ui.setupLabel.text
    assert "Extensions Manager" not in ui.setupLabel.text


def test_a_cancel_while_the_extension_installs_torch_ends_the_installation_after_it(
    host, ui, section, pytorch_extension
):
    def install_torch():
        host.click(ui.installButton)  # the extension handles events between pip's lines
        return object()

    pytorch_extension(install_torch)
    host.click(ui.installButton)
    assert section._installation is None
    assert "Stopped" in ui.setupLabel.text
    host.wait(lambda: True)
    assert "second ran" not in section._lines
    assert ui.installButton.text == "Install…"


def test_a_folder_without_a_manifest_is_refused(host, ui, section, tmp_path):
    host.chosen_paths.append(str(tmp_path))
    host.click(ui.installFolderButton)
    assert section._installation is None
    assert "manifest" in ui.setupLabel.text


def test_check_tries_everything_in_a_process_of_its_own(host, ui, section):
    host.click(ui.checkButton)
    done(host, section)
    assert "Everything works" in ui.setupLabel.text


def test_diagnostics_are_copied_without_names(host, ui, section):
    import qt

    host.click(ui.diagnosticsButton)
    text = qt.QApplication.clipboard().text()
    assert "torch" in text
    assert f"Slicer {slicer.app.applicationVersion}" in text
    assert "/home/" not in text


def test_nothing_is_removed_that_was_not_installed_here(host, ui, section):
    assert not ui.removeButton.enabled
