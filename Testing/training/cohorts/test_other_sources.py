import json
from pathlib import Path

import pytest

from training.cohorts.errors import CohortError
from training.cohorts.folder import find_folder
from training.cohorts.lits import find_lits
from training.cohorts.phantoms import find_phantoms
from training.cohorts.tcga_lihc import COLLECTION, find_tcga_lihc, read_grades


def touch(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_lits_is_a_case_for_each_labelled_image_without_a_grade(tmp_path):
    folder = tmp_path / "Task03_Liver"
    for name in ("imagesTr/liver_0.nii.gz", "imagesTr/liver_1.nii.gz", "imagesTr/._liver_0.nii.gz"):
        touch(folder / name)
    touch(folder / "labelsTr" / "liver_0.nii.gz")
    for directory in (tmp_path, folder):
        found = find_lits(directory)
        assert [(c.name, c.patient, c.grade) for c in found.cases] == [("liver_0", "liver_0", None)]
        assert found.cases[0].files.segmentation == folder / "labelsTr" / "liver_0.nii.gz"
        assert [o.name for o in found.left_out] == ["liver_1"]


def test_an_empty_folder_is_not_lits(tmp_path):
    with pytest.raises(CohortError, match="no image"):
        find_lits(tmp_path)


@pytest.fixture
def clinical(tmp_path):
    rows = "TCGA-A,G1\nTCGA-B,G2\nTCGA-C,G3\nTCGA-D,g4\nTCGA-E,GX\nTCGA-F,[Not Available]\n"
    return touch(tmp_path / "clinical.csv", f"bcr_patient_barcode,neoplasm_histologic_grade\n{rows}")


def test_four_grades_become_three(clinical):
    assert list(read_grades(clinical).values()) == [0, 1, 2, 2, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "cases.submitter_id\tdiagnoses.tumor_grade\nTCGA-A\tG3\n",
        "#,one\tPatient ID\tNeoplasm Histologic Grade\n\tTCGA-A\tG3\n",
        "bcr_patient_barcode;neoplasm_histologic_grade;note\nTCGA-A;G3;a, b, c\n",
    ],
    ids=["GDC", "cBioPortal", "a spreadsheet's semicolons"],
)
def test_tables_are_read_as_portals_and_spreadsheets_write_them(tmp_path, text):
    assert read_grades(touch(tmp_path / "clinical.tsv", text)) == {"TCGA-A": 2}


def test_a_patients_grade_is_in_whichever_of_their_rows_has_one(tmp_path):
    rows = "TCGA-A,'--\nTCGA-A,G2\nTCGA-A,'--\n"
    table = touch(tmp_path / "clinical.csv", f"case_submitter_id,tumor_grade\n{rows}")
    assert read_grades(table) == {"TCGA-A": 1}


def test_a_table_without_grades_is_refused(tmp_path):
    with pytest.raises(CohortError, match="neoplasm_histologic_grade"):
        read_grades(touch(tmp_path / "t.csv", "bcr_patient_barcode,age\nTCGA-A,60\n"))


def test_a_corrected_segmentation_is_preferred_and_ungraded_patients_are_left_out(tmp_path, clinical, add_study, masks):
    liver = {"Liver": masks["Liver"]}
    for description in ("AIMI liver AI segmentation", "AIMI liver radiologist 1 corrected segmentation"):
        chosen = liver if "corrected" in description else masks
        add_study(tmp_path / "in", COLLECTION, "TCGA-C", acquisitions={1: 0.0}, description=description, masks=chosen)
    add_study(tmp_path / "in", COLLECTION, "TCGA-E", acquisitions={1: 0.0})
    found = find_tcga_lihc(tmp_path / "in", clinical, tmp_path / "masks")
    assert [(c.name, c.patient, c.grade) for c in found.cases] == [("TCGA-C_1", "TCGA-C", 2)]
    assert [o.name for o in found.left_out] == ["TCGA-E"]


@pytest.fixture
def plain(tmp_path):
    for name in ("c1/ct.nii.gz", "c1/liver.nii.gz", "c1/tumour.nii.gz", "c2/ct/1.dcm", "c2/segmentation.seg.nrrd"):
        touch(tmp_path / name)
    touch(tmp_path / "c2" / "pet_fdg.nrrd")
    touch(tmp_path / "c3" / "liver.nii.gz")
    touch(tmp_path / "grades.csv", "case,patient,grade\nc1,p1,poorly\nc2,p1,2\nc4,p4,0\n")
    return tmp_path


def test_a_plain_folder_is_read_by_the_names_of_its_files(plain):
    found = find_folder(plain)
    first, second = found.cases
    assert (first.patient, first.grade, first.files.tumor) == ("p1", 2, plain / "c1" / "tumour.nii.gz")
    assert (second.patient, second.grade, second.files.ct) == ("p1", 2, plain / "c2" / "ct")
    assert second.files.pet_fdg == plain / "c2" / "pet_fdg.nrrd"
    assert {o.name for o in found.left_out} == {"c3", "c4"}


def test_a_wrong_grade_in_the_folders_table_is_told_with_its_line(plain):
    touch(plain / "grades.csv", "case,grade\nc1,1\nc2,high\n")
    with pytest.raises(CohortError, match="line 3: 'high'"):
        find_folder(plain)


def test_a_folder_without_grades_needs_to_be_asked_for(plain):
    (plain / "grades.csv").unlink()
    with pytest.raises(CohortError, match=r"no grades\.csv"):
        find_folder(plain)
    assert [c.grade for c in find_folder(plain, unlabelled=True).cases] == [None, None]


def test_a_phantoms_grade_comes_from_its_description(tmp_path):
    touch(tmp_path / "cohort.csv", "case,ct,segmentation,pet_fdg\nph,ph/ct.nii.gz,ph/s.seg.nrrd,ph/pet_fdg.nii.gz\n")
    touch(tmp_path / "ph" / "phantom.json", json.dumps({"phantom": True, "grade": 2}))
    (case,) = find_phantoms(tmp_path).cases
    assert (case.patient, case.grade, case.files.pet_fdg) == ("ph", 2, tmp_path / "ph" / "pet_fdg.nii.gz")


def test_a_case_that_is_no_phantom_is_refused(tmp_path):
    touch(tmp_path / "cohort.csv", "case,ct\nreal,real/ct.nii.gz\n")
    touch(tmp_path / "real" / "phantom.json", json.dumps({"grade": 1}))
    with pytest.raises(CohortError, match=r"phantom\.json"):
        find_phantoms(tmp_path)
