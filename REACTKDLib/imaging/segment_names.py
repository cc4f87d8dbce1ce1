"""Which segments are the liver and the tumour, by their names: the same for a file and for a scene."""

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

LIVER_NAMES = ("liver",)
TUMOR_NAMES = ("tumor", "tumour", "mass", "lesion", "hcc")


class Named(Protocol):
    name: str


AnySegment = TypeVar("AnySegment", bound=Named)


def liver_of(segments: Sequence[AnySegment]) -> tuple[AnySegment, ...]:
    """The segment called Liver, else those with that word and no tumour's."""
    exact = tuple(s for s in segments if s.name.strip().lower() in LIVER_NAMES)
    return exact or tuple(s for s in segments if _words(s) & {*LIVER_NAMES} and not _words(s) & {*TUMOR_NAMES})


def tumor_of(segments: Sequence[AnySegment]) -> tuple[AnySegment, ...]:
    """Every segment with a tumour's word (Tumor, Tumor_1, Lesion 2)."""
    return tuple(s for s in segments if _words(s) & {*TUMOR_NAMES})


def _words(segment: Named) -> set[str]:
    return set(re.split(r"[^a-z]+", segment.name.lower()))
