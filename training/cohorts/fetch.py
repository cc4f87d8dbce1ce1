"""Public collections, from where they are published to a folder; nothing is fetched before the user agrees."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import hcc_tace_seg, lits, tcga_lihc
from .errors import CohortError

IDC_COLLECTIONS = {"hcc-tace-seg": hcc_tace_seg.COLLECTION, "tcga-lihc": tcga_lihc.COLLECTION}
TABLES = {"hcc-tace-seg": hcc_tace_seg.TABLE, "tcga-lihc": tcga_lihc.TABLE}
"""Where the grades are, which no download brings."""
ANALYSES = {"hcc-tace-seg": (), "tcga-lihc": ("bamf_aimi_annotations",)}
"""Results of others to take beside the collection's own series: segmentations, where it has none."""
MODALITIES = ("CT", "SEG")
"""TCGA-LIHC's microscopy alone is 640 GB, and nothing here reads it."""
LITS_BYTES = 27e9
"""About: the archive is not asked for its size."""
GIGABYTE = 1e9


@dataclass(frozen=True)
class Plan:
    """What a fetch would bring. size: bytes of all of it. start: does it, into the folder.

    needed: bytes of the folder's disk that it takes beside what is there, while it runs.
    """

    name: str
    content: str
    size: float
    needed: Callable[[Path], float]
    licences: tuple[str, ...]
    source: str
    start: Callable[[Path], None]

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.content}, {self.size / GIGABYTE:.1f} GB to download\n"
            f"Licence: {', '.join(self.licences)}. Source, to be cited: {self.source}"
        )


def plan_fetch(collection: str, patients: tuple[str, ...] = ()) -> Plan:
    """What there is to fetch: of `hcc-tace-seg`, `tcga-lihc` or `lits`.

    patients: PatientIDs; all when empty. Raises CohortError: unknown_collection, unknown_patients, no_selection,
    package_missing.
    """
    if collection in IDC_COLLECTIONS:
        return _plan_idc(collection, patients)
    if collection != "lits":
        known = ", ".join((*IDC_COLLECTIONS, "lits"))
        raise CohortError("unknown_collection", f"There is no collection '{collection}'.", f"Choose one of {known}.")
    if patients:
        raise CohortError("no_selection", "LiTS comes as one archive.", "Leave out the patients.")
    source = "http://medicaldecathlon.com, doi:10.1038/s41467-022-30695-9; LiTS, doi:10.1016/j.media.2022.102680"
    content, licences = "131 patients with masks", ("CC BY-SA 4.0",)
    return Plan("lits", content, LITS_BYTES, _lits_needed, licences, source, _fetch_lits)


def fetch(plan: Plan, out: Path, agree: Callable[[str], bool]) -> bool:
    """Fetches into `out`, if the user agrees to what the plan says; returns whether. What is there is kept.

    agree: is shown the plan. Raises CohortError: disk_full, output_not_writable, fetch_failed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CohortError(
            "output_not_writable", f"The folder {out} cannot be made: {error.strerror}.", "Choose another place."
        ) from error
    free, needed = shutil.disk_usage(out).free, plan.needed(out)
    if free < needed:
        raise CohortError(
            "disk_full",
            f"{plan.name} needs {needed / GIGABYTE:.1f} GB in {out}, where {free / GIGABYTE:.1f} GB are free.",
            "Choose another disk, or fewer patients.",
        )
    if not agree(str(plan)):
        return False
    try:
        plan.start(out)
    except CohortError:
        raise
    except Exception as error:  # what fails in a download is the business of the libraries that do it
        raise CohortError(
            "fetch_failed",
            f"Fetching {plan.name} stopped: {type(error).__name__}: {error}.",
            "Check the connection and start again: what has arrived is kept.",
        ) from error
    return True


def _plan_idc(collection: str, patients: tuple[str, ...]) -> Plan:
    try:
        from idc_index import IDCClient
    except ImportError as error:
        raise CohortError(
            "package_missing", "The package idc-index is missing.", "Install reactkd[cohorts]."
        ) from error
    client = IDCClient()
    index = client.index
    own = index.analysis_result_id.isna() | index.analysis_result_id.isin(ANALYSES[collection])
    series = index[(index.collection_id == IDC_COLLECTIONS[collection]) & own & index.Modality.isin(MODALITIES)]
    if unknown := sorted(set(patients) - set(series.PatientID)):
        raise CohortError(
            "unknown_patients", f"{collection} has no CT of {', '.join(unknown)}.", "Check the PatientIDs."
        )
    if patients:
        series = series[series.PatientID.isin(patients)]
    if collection == "tcga-lihc":
        # Most patients have microscopy or MR only; a segmentation of those is of no use.
        series = series[series.PatientID.isin(series.PatientID[series.Modality == "CT"])]
    sizes = {uid: round(size * 1e6) for uid, size in zip(series.SeriesInstanceUID, series.series_size_MB, strict=True)}
    return Plan(
        collection,
        f"{series.PatientID.nunique()} patients, {len(series)} series",
        sum(sizes.values()),
        lambda out: sum(_to_come(sizes, out).values()),
        tuple(sorted(series.license_short_name.unique())),
        ", ".join(f"doi:{doi}" for doi in sorted(series.source_DOI.unique())),
        partial(_fetch_idc, client, sizes),
    )


def _fetch_idc(client, sizes: Mapping[str, int], out: Path) -> None:
    # idc-index wants room for all that it is asked for, there or not, and refuses to be asked for nothing.
    if wanted := list(_to_come(sizes, out)):
        client.download_from_selection(
            downloadDir=str(out), seriesInstanceUID=wanted, use_s5cmd_sync=True, show_progress_bar=True
        )
    if missing := sizes.keys() - _arrived(out).keys():
        raise CohortError(
            "fetch_failed",
            f"{len(missing)} of {len(sizes)} series have not arrived.",
            "Start again: what has arrived is kept.",
        )


def _to_come(sizes: Mapping[str, int], out: Path) -> dict[str, int]:
    """Those of the series, by SeriesInstanceUID, that are not there with all their bytes."""
    arrived = _arrived(out)
    return {uid: size for uid, size in sizes.items() if arrived[uid] < size}


def _arrived(out: Path) -> Counter[str]:
    """Bytes of each series with a file in collection/PatientID/StudyUID/Modality_SeriesUID."""
    arrived: Counter[str] = Counter()
    for file in out.glob("*/*/*/*_*/*"):
        arrived[file.parent.name.rpartition("_")[2]] += file.stat().st_size
    return arrived


def _lits_needed(out: Path) -> float:
    """The archive and what is unpacked from it lie side by side, and either may be there."""
    sizes = (_bytes([out / f"{lits.TASK}.tar"]), _bytes((out / lits.TASK).rglob("*")))
    return sum(max(0.0, LITS_BYTES - size) for size in sizes)


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def _fetch_lits(out: Path) -> None:
    from monai.apps import DecathlonDataset

    # Without a cache: the archive is fetched, verified and unpacked, and no image is read.
    DecathlonDataset(out, lits.TASK, section="training", download=True, cache_rate=0.0)
