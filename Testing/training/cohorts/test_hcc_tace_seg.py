import csv
from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.reading import read_volume
from training.cohorts.errors import CohortError
from training.cohorts.hcc_tace_seg import COLLECTION, COUNTS, find_hcc_tace_seg, read_grades
from training.cohorts.manifest import read_manifest, write_manifest


@pytest.fixture
def spreadsheet(tmp_path):
    """The real one's counts: HCC_001 on by falling count, so that HCC_002 is well differentiated."""
    words = [word for word, count in COUNTS.items() for _ in range(count)]
    path = tmp_path / "clinical.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["TCIA_ID", "age", "Pathology"])
        writer.writerows([f"HCC_{number:03d}", 60, word] for number, word in enumerate(words, start=1))
    return path


@pytest.fixture
def find(tmp_path, spreadsheet):
    def run(**options):
        return find_hcc_tace_seg(tmp_path / "in", spreadsheet, tmp_path / "masks", **options)

    return run


def test_two_phases_in_one_series_are_two_cases_of_one_patient(tmp_path, add_study, find, masks):
    add_study(tmp_path / "in", COLLECTION, "HCC_002")
    found = find()
    assert [(c.name, c.patient, c.grade, c.files.acquisition) for c in found.cases] == [
        ("HCC_002_2", "HCC_002", 0, 2),
        ("HCC_002_3", "HCC_002", 0, 3),
    ]
    phases = [sitk.GetArrayFromImage(read_volume(c.files.ct, "ct", c.files.acquisition)) for c in found.cases]
    assert phases[0].shape == phases[1].shape == masks["Liver"].shape
    assert not np.array_equal(*phases)
    write_manifest(found.cases, tmp_path / "cohort.csv")
    assert len(read_manifest(tmp_path / "cohort.csv").cases) == 2


def test_acquisition_numbers_that_count_on_within_one_volume_do_not_split_it(tmp_path, add_study, find, masks):
    # One acquisition directly above the other: no two slices at one place.
    add_study(tmp_path / "in", COLLECTION, "HCC_002", acquisitions={1: 0.0, 2: 30.0})
    (case,) = find().cases
    assert case.files.acquisition is None
    assert read_volume(case.files.ct, "ct").GetSize()[2] == 2 * masks["Liver"].shape[0]


def test_only_the_study_before_treatment_is_used(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_002", date="19990501", acquisitions={7: 0.0})
    add_study(tmp_path / "in", COLLECTION, "HCC_002", date="19990101", acquisitions={1: 0.0})
    (case,) = find().cases
    header = sitk.ImageFileReader()
    header.SetFileName(str(next(case.files.ct.glob("*.dcm"))))
    header.ReadImageInformation()
    assert header.GetMetaData("0008|0020").strip() == "19990101"


def test_a_networks_segmentation_is_not_an_experts(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_002", description="AIMI liver-tumor AI segmentation")
    found = find()
    assert not found.cases
    assert "no expert segmentation" in found.left_out[0].reason


def test_a_phase_that_the_segmentation_does_not_fit_is_left_out_alone(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_002", acquisitions={2: 2.5, 3: 0.0, 4: 0.0})
    found = find()
    assert [c.name for c in found.cases] == ["HCC_002_3", "HCC_002_4"]
    assert [o.name for o in found.left_out] == ["HCC_002_2"]


def test_slices_that_no_acquisition_number_tells_apart_are_left_out(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_002", acquisitions={3: 0.0})
    folder = next((tmp_path / "in").glob("*/*/*/CT_*"))
    for file in list(folder.glob("*.dcm")):
        (folder / f"again-{file.name}").write_bytes(file.read_bytes())
    found = find()
    assert not found.cases
    assert "at one place" in found.left_out[0].reason


def test_doubtful_patients_enter_only_where_asked_for(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_008")
    assert [o.name for o in find().left_out] == ["HCC_008"]
    assert len(find(doubtful=True).cases) == 2


def test_a_patient_without_a_biopsy_enters_only_where_asked_for(tmp_path, add_study, find):
    add_study(tmp_path / "in", COLLECTION, "HCC_105", acquisitions={1: 0.0})
    assert "no grade" in find().left_out[0].reason
    assert [c.grade for c in find(unlabelled=True).cases] == [None]


def test_an_empty_download_says_what_is_expected(tmp_path, find):
    (tmp_path / "in").mkdir()
    with pytest.raises(CohortError, match="PatientID/StudyUID"):
        find()


def test_a_spreadsheet_with_other_counts_is_refused_with_the_difference(spreadsheet):
    spreadsheet.write_text(spreadsheet.read_text().replace("No biopsy", "Well differentiated", 1))
    with pytest.raises(CohortError, match="'Well differentiated' 38 instead of 37") as caught:
        read_grades(spreadsheet)
    assert caught.value.code == "unexpected_spreadsheet"


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["clinical_Data.csv", "HCC-TACE-Seg_clinical_data-V2.xlsx"])
@pytest.mark.parametrize(
    ("mixed", "counts"), [("worse", (37, 32, 14, 22)), ("better", (38, 32, 13, 22)), ("exclude", (37, 31, 13, 24))]
)
def test_the_real_spreadsheet_gives_the_published_counts(data, name, mixed, counts):
    # data.md: 37 + 31 + 13 plain, one between well and moderate, one between moderate and poor, 15 + 7 unknown.
    grades = Counter(read_grades(data / "hcc_tace_seg" / name, mixed).values())
    assert tuple(grades[g] for g in (0, 1, 2, None)) == counts


@pytest.mark.real_data
def test_the_csv_and_the_spreadsheet_agree_on_every_patient(data):
    folder = data / "hcc_tace_seg"
    grades = [read_grades(folder / n) for n in ("clinical_Data.csv", "HCC-TACE-Seg_clinical_data-V2.xlsx")]
    assert grades[0] == grades[1]
    assert grades[0]["HCC_007"] == 0
