"""The same CT twice in a cohort: what was learnt from would be tested on."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from REACTKDLib.imaging.image_files import ImageFiles
from REACTKDLib.imaging.reading import checksum
from REACTKDLib.inference.case_files import CaseFiles


def same_ct(cases: Sequence[tuple[str, CaseFiles]]) -> list[tuple[int, int]]:
    """Positions (earlier, later) of cases whose CT has the same content, whatever it is called.

    cases: patient and files. Two acquisitions of one DICOM folder are two CTs, if both are of the same patient.
    Content is compared by SHA-256, and read only where sizes are equal.
    """
    by_size = defaultdict(list)
    for position, (_, files) in enumerate(cases):
        by_size[_sizes(Path(files.ct))].append(position)
    checksums: dict[Path, str] = {}
    by_content = defaultdict(list)
    for positions in by_size.values():
        if len(positions) > 1:
            for position in positions:
                path = Path(cases[position][1].ct)
                if path not in checksums:
                    checksums[path] = checksum(path)
                by_content[checksums[path]].append(position)
    return [pair for positions in by_content.values() for pair in _clashes(positions, cases)]


def _sizes(path: Path) -> tuple[int, ...]:
    """In bytes, of the file or of all that the image is made of, sorted."""
    return tuple(sorted(file.stat().st_size for file in ImageFiles.of(path).parts))


def _clashes(positions: Sequence[int], cases: Sequence[tuple[str, CaseFiles]]) -> list[tuple[int, int]]:
    """The first other case each one clashes with."""
    found = []
    for index, later in enumerate(positions):
        patient, files = cases[later]
        for earlier in positions[:index]:
            other_patient, other = cases[earlier]
            numbers = {files.acquisition, other.acquisition}
            two_phases = patient == other_patient and len(numbers) == 2 and None not in numbers
            if not two_phases:
                found.append((earlier, later))
                break
    return found
