"""What a collection's files turn out to hold."""

from dataclasses import dataclass

from .manifest import CohortCase


@dataclass(frozen=True)
class LeftOut:
    """A patient or case that does not enter the manifest, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Found:
    """Cases for the manifest, and what was left out of it."""

    cases: tuple[CohortCase, ...]
    left_out: tuple[LeftOut, ...] = ()
