"""Which segments are the liver and the tumour, by their names: the same for a file and for a scene."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol, TypeVar

TUMOR = (
    r"\b(?:tumou?r(?:s|e|es|i|en|er)?|tumeurs?"
    r"|mass(?:es|e|en|a)?|masas?"
    r"|l(?:e|a|ae)sion(?:s|e|es|i|en)?|lesao|lesoes|l(?:e|ae)sies?"
    r"|hccs?|metasta\w+|mets|carcinom\w+|karzinom\w*|cancers?|i?gtv\w*)\b"
)
"""A tumour's word in English, German, French, Spanish, Italian, Portuguese or Dutch."""
NEGATED = (
    rf"\bnon {TUMOR}|\b(?:without|no|not|minus|excluding|ohne|sans|sin|senza|sem|zonder)\b.* {TUMOR}|{TUMOR} free\b"
)
"""`Liver without tumor` is liver; `Tumor no 2` and `Tumor without necrosis` are tumour."""
VESSEL = r"\b(?:vessels?|veins?|vena|arter(?:y|ies|ia)|aorta|ducts?)\b"


class Named(Protocol):
    name: str


AnySegment = TypeVar("AnySegment", bound=Named)


def liver_of(segments: Sequence[AnySegment]) -> tuple[AnySegment, ...]:
    """The segment called Liver, else those with that word that are neither tumour nor vessel."""
    exact = tuple(s for s in segments if s.name.strip().lower() == "liver")
    return exact or tuple(s for s in segments if "liver" in _words(s).split() and not (_is_tumor(s) or is_vessel(s)))


def tumor_of(segments: Sequence[AnySegment]) -> tuple[AnySegment, ...]:
    """Every segment with a tumour's word (Tumor, Tumor_1, Lesions, LiverTumor)."""
    return tuple(s for s in segments if _is_tumor(s))


def _is_tumor(segment: Named) -> bool:
    words = _words(segment)
    return bool(re.search(TUMOR, words) and not re.search(NEGATED, words))


def is_vessel(segment: Named) -> bool:
    return bool(re.search(VESSEL, _words(segment)))


def _words(segment: Named) -> str:
    """In small letters without accents, one space between them: `liver tumor` of LiverTumor1 and of livertumor."""
    name = unicodedata.normalize("NFKD", segment.name).encode("ascii", "ignore").decode()
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return " ".join(re.findall(r"[a-z]+", re.sub(r"(?<![a-z])(liver|leber)(?=[a-z])", r"\1 ", name)))
