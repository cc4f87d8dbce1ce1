import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import ClassVar

import idc_index
import monai.apps
import pandas as pd
import pytest

from training.cohorts import commands
from training.cohorts.errors import CohortError
from training.cohorts.fetch import fetch, plan_fetch

INDEX = pd.DataFrame(
    [
        ("hcc_tace_seg", None, "HCC_001", "CT", 500.0, "CC BY 4.0", "10.7937/tcia.5fna-0924"),
        ("hcc_tace_seg", None, "HCC_001", "SEG", 5.0, "CC BY 4.0", "10.7937/tcia.5fna-0924"),
        ("hcc_tace_seg", "bamf_aimi_annotations", "HCC_001", "SEG", 1.5, "CC BY 4.0", "10.5281/zenodo.8345959"),
        ("hcc_tace_seg", None, "HCC_002", "CT", 250.0, "CC BY 4.0", "10.7937/tcia.5fna-0924"),
        ("tcga_lihc", None, "TCGA-A", "CT", 100.0, "CC BY 3.0", "10.7937/k9/tcia.2016.immqw8uq"),
        ("tcga_lihc", "bamf_aimi_annotations", "TCGA-A", "SEG", 1.0, "CC BY 4.0", "10.5281/zenodo.8345959"),
        ("tcga_lihc", "bamf_aimi_annotations", "TCGA-B", "SEG", 1.0, "CC BY 4.0", "10.5281/zenodo.8345959"),
        ("tcga_lihc", None, "TCGA-A", "SM", 90000.0, "CC BY 3.0", "10.7937/k9/tcia.2016.immqw8uq"),
    ],
    columns=[
        "collection_id",
        "analysis_result_id",
        "PatientID",
        "Modality",
        "series_size_MB",
        "license_short_name",
        "source_DOI",
    ],
).assign(SeriesInstanceUID=lambda table: [f"1.2.{number}" for number in table.index])
"""The columns and values of Imaging Data Commons' index that matter, a line a series."""


class RecordedClient:
    """Stands in for the service: writes the folders that it would, with files as long as the index says."""

    arrives = True
    asked: ClassVar[list[str]] = []

    def __init__(self):
        self.index = INDEX

    def download_from_selection(self, downloadDir, seriesInstanceUID, **_):
        self.asked[:] = seriesInstanceUID
        for row in INDEX[INDEX.SeriesInstanceUID.isin(seriesInstanceUID)].itertuples():
            folder = Path(
                downloadDir, row.collection_id, row.PatientID, "1.1", f"{row.Modality}_{row.SeriesInstanceUID}"
            )
            folder.mkdir(parents=True, exist_ok=True)
            if self.arrives:
                (folder / "1.dcm").touch()
                os.truncate(folder / "1.dcm", round(row.series_size_MB * 1e6))


@pytest.fixture(autouse=True)
def service(monkeypatch):
    monkeypatch.setattr(idc_index, "IDCClient", RecordedClient)
    monkeypatch.setattr(RecordedClient, "asked", [])


@pytest.fixture
def disk(monkeypatch):
    """Sets the free bytes of every disk."""

    def disk(free: float) -> None:
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1e12, 1e12 - free, free))

    return disk


def folders(out: Path) -> set[str]:
    return {"/".join(file.parts[-4:-1:2]) for file in out.rglob("*.dcm")}


def test_the_collections_own_series_are_fetched_and_not_what_networks_drew(tmp_path):
    plan = plan_fetch("hcc-tace-seg")
    assert (plan.size, plan.licences) == (755e6, ("CC BY 4.0",))
    assert fetch(plan, tmp_path, lambda text: True)
    assert folders(tmp_path) == {"HCC_001/CT_1.2.0", "HCC_001/SEG_1.2.1", "HCC_002/CT_1.2.3"}


def test_microscopy_is_not_fetched_and_the_licences_of_all_parts_are_shown(tmp_path):
    plan = plan_fetch("tcga-lihc")
    assert plan.size == 101e6
    assert "CC BY 3.0, CC BY 4.0" in str(plan)
    fetch(plan, tmp_path, lambda text: True)
    assert folders(tmp_path) == {"TCGA-A/CT_1.2.4", "TCGA-A/SEG_1.2.5"}


def test_only_the_patients_asked_for_are_fetched(tmp_path):
    fetch(plan_fetch("hcc-tace-seg", ("HCC_002",)), tmp_path, lambda text: True)
    assert folders(tmp_path) == {"HCC_002/CT_1.2.3"}


def test_unknown_patients_are_named():
    with pytest.raises(CohortError, match="HCC_999"):
        plan_fetch("hcc-tace-seg", ("HCC_001", "HCC_999"))


def test_nothing_is_fetched_without_agreement_to_size_and_licence(tmp_path):
    shown = []
    assert not fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: shown.append(text) or False)
    assert "0.8 GB" in shown[0]
    assert "CC BY 4.0" in shown[0]
    assert not folders(tmp_path)


def test_series_that_did_not_arrive_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(RecordedClient, "arrives", False)
    with pytest.raises(CohortError, match="3 of 3 series"):
        fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: True)


def test_a_full_disk_is_told_before_asking(tmp_path, disk):
    disk(1)
    with pytest.raises(CohortError, match=r"needs 0\.8 GB") as caught:
        fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: pytest.fail("asked"))
    assert caught.value.code == "disk_full"


def test_series_that_are_there_need_no_room_and_are_not_asked_for_again(tmp_path, disk):
    disk(1e12)
    fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: True)
    # Of 500, 5 and 250 MB: the last is not whole.
    os.truncate(next(tmp_path.rglob("*_1.2.3/1.dcm")), 100_000_000)
    disk(249e6)
    with pytest.raises(CohortError, match=r"needs 0\.2 GB") as caught:
        fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: pytest.fail("asked"))
    assert caught.value.code == "disk_full"
    disk(251e6)
    assert fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: True)
    assert RecordedClient.asked == ["1.2.3"]
    RecordedClient.asked.clear()
    disk(0)
    assert fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: True)
    assert RecordedClient.asked == []


@pytest.mark.parametrize(
    ("there", "needed"),
    [((), 20), (("Task03_Liver.tar",), 10), (("Task03_Liver.tar", "Task03_Liver/imagesTr/a.nii"), 0)],
)
def test_lits_needs_room_for_what_is_not_there_of_archive_and_folder(tmp_path, monkeypatch, there, needed):
    monkeypatch.setattr("training.cohorts.fetch.LITS_BYTES", 10.0)
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(10))
    assert plan_fetch("lits").needed(tmp_path) == needed


def test_lits_comes_through_monai_without_loading_an_image(tmp_path, disk, monkeypatch):
    disk(1e12)
    calls = []
    monkeypatch.setattr(monai.apps, "DecathlonDataset", lambda *args, **options: calls.append((args, options)))
    assert fetch(plan_fetch("lits"), tmp_path, lambda text: "CC BY-SA 4.0" in text)
    ((root, task), options) = calls[0]
    assert (root, task, options["download"], options["cache_rate"]) == (tmp_path, "Task03_Liver", True, 0.0)


def test_a_lost_connection_is_an_error_with_a_way_out(tmp_path, monkeypatch):
    def lost(*_, **__):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(RecordedClient, "download_from_selection", lost)
    with pytest.raises(CohortError, match="reset by peer") as caught:
        fetch(plan_fetch("hcc-tace-seg"), tmp_path, lambda text: True)
    assert caught.value.code == "fetch_failed"


@pytest.mark.parametrize(
    ("collection", "table"),
    [
        ("hcc-tace-seg", " --table FILE\nFILE has the grades: HCC-TACE-Seg_clinical_data-V2.xlsx"),
        ("tcga-lihc", " --table FILE\nFILE has the grades: clinical data of TCGA-LIHC"),
        ("lits", "\n"),
    ],
)
def test_the_next_command_is_one_that_can_be_given(tmp_path, disk, monkeypatch, capsys, collection, table):
    disk(1e12)
    monkeypatch.setattr(monai.apps, "DecathlonDataset", lambda *_, **__: None)
    commands.fetch_collection(collection, tmp_path, yes=True)
    assert f"Next: reactkd-train manifest {collection} {tmp_path}{table}" in capsys.readouterr().out


def test_without_a_terminal_the_command_needs_yes(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CohortError, match="--yes"):
        commands.fetch_collection("hcc-tace-seg", tmp_path)
    commands.fetch_collection("hcc-tace-seg", tmp_path, patients="HCC_002", yes=True)
    assert folders(tmp_path) == {"HCC_002/CT_1.2.3"}
