"""The probe that tells whether OpenGL works."""

import subprocess

import pytest

from REACTKDLib.scene import rendering


@pytest.fixture(autouse=True)
def forgotten():
    """The answer is kept for the process; here it must be sought again."""
    rendering.can_render.cache_clear()
    yield
    rendering.can_render.cache_clear()


def test_a_crash_of_the_probe_is_an_answer(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    can, reason = rendering.can_render()
    assert not can
    assert "libegl1" in reason


def test_a_probe_that_hangs_is_an_answer(monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(rendering.subprocess, "run", hang)
    assert rendering.can_render() == (
        False,
        "Nothing can be rendered here: a test picture was not finished after 60 s.",
    )


def test_a_probe_that_succeeds_needs_no_reason(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "raise SystemExit(0)")
    assert rendering.can_render() == (True, "")


def test_a_probe_that_says_why_it_failed_is_quoted(monkeypatch):
    monkeypatch.setattr(rendering, "PROBE", "raise SystemExit('libEGL is missing')")
    assert "libEGL is missing" in rendering.can_render()[1]
