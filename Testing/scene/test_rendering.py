"""The probe that tells whether OpenGL works."""

import subprocess
from types import SimpleNamespace

import pytest
import slicer

from REACTKDLib.scene import rendering


@pytest.fixture(autouse=True)
def forgotten():
    """The answer is kept for the process; here it must be sought again."""
    rendering.try_rendering.cache_clear()
    yield
    rendering.try_rendering.cache_clear()


def test_a_crash_of_the_probe_is_an_answer(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    can, reason = rendering.try_rendering()
    assert not can
    assert "libegl1" in reason


def test_a_probe_that_hangs_is_an_answer(monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(rendering.subprocess, "run", hang)
    assert rendering.try_rendering() == (
        False,
        "Nothing can be rendered here: a test picture was not finished after 60 s.",
    )


def test_a_probe_that_succeeds_needs_no_reason(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "raise SystemExit(0)")
    assert rendering.try_rendering() == (True, "")


def test_a_probe_that_says_why_it_failed_is_quoted(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "raise SystemExit('libEGL is missing')")
    assert "libEGL is missing" in rendering.try_rendering()[1]


@pytest.mark.parametrize(("views", "probed"), [(1, False), (0, True), (None, True)])
def test_an_application_that_has_drawn_a_3d_view_needs_no_probe(monkeypatch, views, probed):
    """views: None where it runs without its window, and has no layout manager."""
    layout = None if views is None else SimpleNamespace(threeDViewCount=views)
    monkeypatch.setattr(slicer, "app", SimpleNamespace(layoutManager=lambda: layout), raising=False)
    monkeypatch.setattr(rendering, "PROBE", "raise SystemExit('no OpenGL')")
    assert rendering.can_render()[0] is not probed


def test_the_probe_opens_no_console_on_windows(monkeypatch):
    options = {}
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(
        rendering.subprocess,
        "run",
        lambda command, **given: options.update(given) or subprocess.CompletedProcess(command, 0),
    )
    rendering.try_rendering()
    assert options["creationflags"] == 0x08000000
