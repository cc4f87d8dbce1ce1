"""The files of a case. Needs no torch, so that the panel can name them and a worker read them."""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..imaging.case import Case
from ..imaging.roles import PATH_NAMES


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """The files of a case, as `Case.from_files` takes them."""

    ct: Path | str
    segmentation: Path | str | None = None
    liver: Path | str | None = None
    tumor: Path | str | None = None
    pet_fdg: Path | str | None = None
    pet_act: Path | str | None = None
    liver_segment: str | None = None
    tumor_segment: str | None = None
    acquisition: int | None = None
    name: str = "case"

    @property
    def paths(self) -> dict[str, Path | str]:
        """Those that are given, by role."""
        return {role: path for role, name in PATH_NAMES.items() if (path := getattr(self, name)) is not None}

    def read(self) -> Case:
        return Case.from_files(**asdict(self))
