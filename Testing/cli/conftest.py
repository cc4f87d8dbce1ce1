"""The command line as a user runs it, and in this process for speed."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from REACTKDLib.cli import main
from Testing.models import write_random_model


@dataclass(frozen=True)
class Run:
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The JSON on the last line of stdout."""
        return json.loads(self.out.strip().splitlines()[-1])


@pytest.fixture
def reactkd(capsys):
    def run(*arguments) -> Run:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Run(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "student")
