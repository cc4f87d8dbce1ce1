"""Of which files an image is made: a folder's slices, a pair, or a header and the voxels that it names."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PAIR = re.compile(r"(.+)\.(?:hdr|img)(?:\.gz)?")
PAIR_SUFFIXES = (".hdr", ".hdr.gz", ".img", ".img.gz")
"""NIfTI's and Analyze's header and voxels."""
NAMING_SUFFIXES = (".mhd", ".mha", ".nhdr", ".nrrd")
"""MetaImage and NRRD, any of which may hold its voxels or name the files that do."""
HEADER_LIMIT = 1 << 16
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
"""Ends an NRRD's header; what follows are voxels, which may look like anything."""
NAMES = re.compile(rb"^(?:ElementDataFile *=|data ?file:) *(.*?)[ \r]*$", re.MULTILINE)
NUMBERED = re.compile(r"([^\s%]*)%(\d*d)([^\s%]*) (\d+) (\d+) ([1-9]\d*)\b.*")
"""Names with a number in them: as for C's printf, then the first, the last and the step."""


@dataclass(frozen=True)
class ImageFiles:
    """The files of an image, as far as they exist.

    path: the one that was given. parts: a folder's files, both of a pair, those that a header names, or the one file;
    in the image's order, which a folder's do not have. header: the text that names the parts, without their names.
    """

    path: Path
    parts: tuple[Path, ...]
    header: bytes | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Raises OSError where there is nothing to be read."""
        if path.is_dir():
            return cls(path, _existing(sorted(path.iterdir())))
        if pair := PAIR.fullmatch(path.name):
            return cls(path, _existing(path.with_name(pair[1] + suffix) for suffix in PAIR_SUFFIXES))
        if path.suffix in NAMING_SUFFIXES and (named := _named(path)):
            return cls(path, *named)
        return cls(path, (path,))

    @property
    def all(self) -> tuple[Path, ...]:
        """The parts, and the file of a header that names them."""
        return self.parts if self.header is None else (self.path, *self.parts)


def _named(path: Path) -> tuple[tuple[Path, ...], bytes] | None:
    """Parts and header; None where the file holds its voxels itself."""
    with path.open("rb") as file:
        header = BLANK_LINE.split(file.read(HEADER_LIMIT), maxsplit=1)[0]
    found = NAMES.search(header)
    if not found or found[1] == b"LOCAL":
        return None
    text, before, after = os.fsdecode(found[1]), header[: found.start()], header[found.end() :]
    if text.startswith("LIST"):
        # One name a line, to the end, and these can be more than the limit.
        names, after = os.fsdecode(path.read_bytes()[found.end() :]).splitlines(), b""
    elif numbered := NUMBERED.fullmatch(text):
        first, last, step = map(int, numbered.group(4, 5, 6))
        names = [f"{numbered[1]}{number:{numbered[2]}}{numbered[3]}" for number in range(first, last + 1, step)]
    else:
        names = [text]
    return _existing(path.parent / name.strip() for name in names), before + after


def _existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.is_file())
