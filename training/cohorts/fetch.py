"""Public collections, from where they are published to a folder; nothing is fetched before the user agrees."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import hcc_tace_seg, lits, tcga_lihc
from .errors import CohortError

IDC_COLLECTIONS = {"hcc-tace-seg": hcc_tace_seg.COLLECTION, "tcga-lihc": tcga_lihc.COLLECTION}
ANALYSES = {"hcc-tace-seg": (), "tcga-lihc": ("bamf_aimi_annotations",)}
"""Results of others to take beside the collection's own series: segmentations, where it has none."""
MODALITIES = ("CT", "SEG")
"""TCGA-LIHC's microscopy alone is 640 GB, and nothing here reads it."""
LITS_BYTES = 27e9
"""About: the archive is not asked for its size."""
GIGABYTE = 1e9


@dataclass(frozen=True)
class Plan:
    """What a fetch would bring. needed: bytes on disk while it runs. start: does it, into the folder."""

    name: str
    content: str
    size: float
    needed: float
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
    # Archive and what is unpacked from it lie side by side for a while.
    return Plan("lits", "131 patients with masks", LITS_BYTES, 2 * LITS_BYTES, ("CC BY-SA 4.0",), source, _fetch_lits)


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
    free = shutil.disk_usage(out).free
    if free < plan.needed:
        raise CohortError(
            "disk_full",
            f"{plan.name} needs {plan.needed / GIGABYTE:.1f} GB in {out}, where {free / GIGABYTE:.1f} GB are free.",
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
    size = float(series.series_size_MB.sum()) * 1e6
    return Plan(
        collection,
        f"{series.PatientID.nunique()} patients, {len(series)} series",
        size,
        size,
        tuple(sorted(series.license_short_name.unique())),
        ", ".join(f"doi:{doi}" for doi in sorted(series.source_DOI.unique())),
        partial(_fetch_idc, client, tuple(series.SeriesInstanceUID)),
    )


def _fetch_idc(client, series: tuple[str, ...], out: Path) -> None:
    client.download_from_selection(
        downloadDir=str(out), seriesInstanceUID=list(series), use_s5cmd_sync=True, show_progress_bar=True
    )
    missing = [uid for uid in series if not any(out.glob(f"*/*/*/*_{uid}/*"))]
    if missing:
        raise CohortError(
            "fetch_failed",
            f"{len(missing)} of {len(series)} series have not arrived.",
            "Start again: what has arrived is kept.",
        )


def _fetch_lits(out: Path) -> None:
    from monai.apps import DecathlonDataset

    # Without a cache: the archive is fetched, verified and unpacked, and no image is read.
    DecathlonDataset(out, lits.TASK, section="training", download=True, cache_rate=0.0)
