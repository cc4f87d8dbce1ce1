"""`reactkd-train simulate-dose`."""

from pathlib import Path

from REACTKDLib.imaging.checks import check_ct
from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.imaging.reading import read_volume
from REACTKDLib.imaging.writing import write_image

from .levels import LevelName, level_of
from .settings import ProjectorName, ScannerSettings
from .simulation import simulate_low_dose

FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")


class OutputError(ReactKDError):
    """The result has no place to go."""


def simulate_dose(
    ct: Path,
    out: Path,
    level: LevelName = "severe",
    seed: int = 0,
    device: str = "auto",
    projector: ProjectorName = "fourier",
) -> None:
    """Writes a CT as if it had been taken at a lower dose.

    Args:
        ct: a CT in HU: NIfTI, NRRD, MHA, or a folder with one DICOM series.
        out: the file to write: .nii, .nii.gz, .nrrd or .mha.
        level: native, mild (1/4 of the dose), severe (1/20), mixed (native or severe, drawn from the seed), or the
            authors' own levels, which are not physical: legacy_mild, legacy_severe.
        seed: of the noise; the same one gives the same image.
        device: cpu (finufft), cuda or cuda:N (torch), or auto.
        projector: fourier, or astra, where the ASTRA Toolbox is installed: other means to the same end, on the CPU.
    """
    if not out.name.lower().endswith(FORMATS):
        raise OutputError("unknown_format", f"{out.name} has no known format.", f"Use one of {', '.join(FORMATS)}.")
    if not out.parent.is_dir():
        raise OutputError("no_folder", f"The folder {out.parent} does not exist.", "Make it, or choose another.")
    given = read_volume(ct, "ct")
    check_ct(given)
    if out.exists() and out.samefile(ct):
        raise OutputError("same_file", f"{out} is the CT itself, which would be lost.", "Choose another name.")
    scanner = ScannerSettings(projector=projector)
    result = simulate_low_dose(given, level, seed, scanner=scanner, device=device)
    try:
        write_image(result, out)
    except OSError as error:
        raise OutputError("not_written", str(error), "Free some space, or choose another folder.") from error
    print(f"{out}: {level_of(level, seed).label}, seed {seed}")
