"""What the entries of a cache depend on, beside their cases."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from REACTKDLib.imaging.image_files import ImageFiles
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.case_files import CaseFiles

from ..dose.levels import LevelName
from ..dose.settings import ScannerSettings

SCHEMA = 2
"""Of entries. Raised with every change to what they hold or to how preprocessing or the low dose makes it."""
NOT_CACHED = ("zero", "ct_mean", "ct_std", "ct_liver_std")
"""Constants of a fold, applied when a case is read: all folds share one cache."""


@dataclass(frozen=True)
class CacheSettings:
    """How cases become entries."""

    preprocessing: PreprocessingSpec = field(default_factory=PreprocessingSpec)
    """Grid and constants; those of `NOT_CACHED` have no say."""
    levels: tuple[LevelName, ...] = ("mild", "severe")
    """Doses at which each CT is simulated, beside its own [P]."""
    scanner: ScannerSettings = field(default_factory=ScannerSettings)
    """The scanner of that simulation."""
    seed: int = 0
    """Of its noise: a case's depends on this seed and its name alone."""

    @property
    def low_doses(self) -> tuple[LevelName, ...]:
        """The levels that are images of their own."""
        return tuple(sorted({level for level in self.levels if level != "native"}))

    def noise_seed(self, case: str) -> int:
        """For a case's low doses, whatever the order of cases."""
        return int.from_bytes(hashlib.sha256(f"{self.seed} {case}".encode()).digest()[:8])

    def to_dict(self) -> dict:
        """All that entries depend on."""
        preprocessing = self.preprocessing.to_dict()
        return {
            "schema": SCHEMA,
            "preprocessing": {name: value for name, value in preprocessing.items() if name not in NOT_CACHED},
            "levels": list(self.low_doses),
            "scanner": asdict(self.scanner),
            "seed": self.seed,
        }


def fingerprint(files: CaseFiles, settings: CacheSettings) -> str:
    """SHA-256 over what an entry is made from: settings, and name, size and time of change of the case's files.

    Names are those within a folder, or of the file itself, so that a cohort can move. Of files, no more is read than a
    header that may name others.
    """
    values = {
        "settings": settings.to_dict(),
        "case": files.name,
        "selection": [files.liver_segment, files.tumor_segment, files.acquisition],
        "files": {role: _stamps(Path(path)) for role, path in files.paths.items()},
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _stamps(path: Path) -> list[tuple[str, int, int]]:
    """Name, bytes and nanoseconds of each of an image's files. Empty where nothing can be seen: that is said when the
    case is read."""
    try:
        stats = [(file.name, file.stat()) for file in ImageFiles.of(path).all]
    except OSError:
        return []
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
