import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from REACTKDLib.inference.case_files import CaseFiles
from training.cohorts.errors import CohortError
from training.cohorts.manifest import CohortCase, examine_manifest, read_manifest, write_manifest

HEADER = "patient,case,ct,liver,tumor,segmentation,acquisition,grade,group"


@pytest.fixture
def manifest(tmp_path):
    """Writes lines below HEADER, beside the files a.nii, b.nii (other content, same size) and masks.nii."""
    for name in ("a.nii", "b.nii", "masks.nii"):
        (tmp_path / name).write_text(name.ljust(20))

    def write(*lines: str, header: str = HEADER) -> Path:
        path = tmp_path / "cohort.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


def problem(path: Path, **options):
    _, problems = examine_manifest(path, **options)
    assert len(problems) == 1, problems
    return problems[0]


def test_a_line_becomes_the_files_of_a_case(manifest, tmp_path):
    cohort = read_manifest(manifest("p1,c1,a.nii,masks.nii,,,,1,"))
    assert cohort.cases == (
        CohortCase(
            patient="p1",
            group="p1",
            grade=1,
            files=CaseFiles(ct=tmp_path / "a.nii", liver=tmp_path / "masks.nii", name="c1"),
        ),
    )


def test_a_row_of_the_manifest_is_read_as_a_case(phantom, tmp_path):
    files = CaseFiles(ct=phantom / "ct.nii.gz", segmentation=phantom / "segmentation.seg.nrrd", name="c1")
    write_manifest([CohortCase(patient="p", group="p", grade=2, files=files)], tmp_path / "cohort.csv")
    case = read_manifest(tmp_path / "cohort.csv").cases[0].files.read()
    assert case.name == "c1"
    assert case.geometry.size == files.read().geometry.size


@pytest.mark.parametrize(
    ("grade", "expected"), [("0", 0), ("Well differentiated", 0), ("moderately", 1), (" POORLY differentiated ", 2)]
)
def test_a_grade_is_a_number_or_its_name(manifest, grade, expected):
    assert read_manifest(manifest(f"p,c,a.nii,masks.nii,,,,{grade},")).cases[0].grade == expected


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("p,c,a.nii,masks.nii,,,,3,", "grade", "3"),
        ("p,c,a.nii,masks.nii,,,,,", "grade", ""),
        (",c,a.nii,masks.nii,,,,1,", "patient", ""),
        ("p,../c,a.nii,masks.nii,,,,1,", "case", "../c"),
        ("p,c,,masks.nii,,,,1,", "ct", ""),
        ("p,c,gone.nii,masks.nii,,,,1,", "ct", "gone.nii"),
        ("p,c,a.nii,gone.nii,,,,1,", "liver", "gone.nii"),
        ("p,c,a.nii,,masks.nii,,,1,", "liver", ""),
        ("p,c,a.nii,masks.nii,,masks.nii,,1,", "segmentation", "masks.nii"),
        ("p,c,a.nii,masks.nii,,,two,1,", "acquisition", "two"),
        ("p,c,a.nii,masks.nii,,,,1,,more", "case", "c"),
    ],
)
def test_what_is_wrong_is_told_with_line_column_and_value(manifest, line, column, value):
    found = problem(manifest("p0,c0,b.nii,masks.nii,,,,1,", line))
    assert (found.line, found.column, found.value) == (3, column, value)
    assert found.message
    assert found.hint


def test_all_problems_are_told_at_once(manifest):
    path = manifest("p,c1,a.nii,masks.nii,,,,7,", "p,c2,gone.nii,masks.nii,,,,1,")
    with pytest.raises(CohortError) as caught:
        read_manifest(path)
    assert caught.value.code == "bad_manifest"
    assert "line 2, grade '7'" in caught.value.message
    assert "line 3, ct 'gone.nii'" in caught.value.message


def test_a_case_without_a_grade_is_allowed_where_asked_for(manifest):
    path = manifest("p,c,a.nii,masks.nii,,,,,")
    assert read_manifest(path, allow_unlabelled=True).cases[0].grade is None


def test_a_wrong_grade_is_not_taken_for_none(manifest):
    assert problem(manifest("p,c,a.nii,masks.nii,,,,G2,"), allow_unlabelled=True).value == "G2"


def test_a_patient_in_two_groups_is_refused(manifest):
    path = manifest("p,c1,a.nii,masks.nii,,,,1,north", "p,c2,b.nii,masks.nii,,,,1,south")
    found = problem(path)
    assert (found.line, found.column, found.value) == (3, "group", "south")
    assert "'north' in line 2" in found.message


def test_two_cases_of_one_name_are_refused_whatever_its_case(manifest):
    found = problem(manifest("p,c1,a.nii,masks.nii,,,,1,", "p,C1,b.nii,masks.nii,,,,1,"))
    assert (found.line, found.column) == (3, "case")


def test_the_same_ct_under_another_name_is_leakage(manifest, tmp_path):
    shutil.copy(tmp_path / "a.nii", tmp_path / "copy.nii")
    lines = ("p1,c1,a.nii,masks.nii,,,,1,", "p2,c2,b.nii,masks.nii,,,,1,", "p3,c3,copy.nii,masks.nii,,,,1,")
    found = problem(manifest(*lines))
    assert (found.line, found.column) == (4, "ct")
    assert "line 2" in found.message


def write_detached(folder: Path, name: str, voxels: bytes) -> None:
    (folder / f"{name}.mhd").write_text(f"DimSize = 2 2 2\nElementDataFile = {name}.raw\n")
    (folder / f"{name}.raw").write_bytes(voxels)


def test_the_same_ct_beside_its_header_is_found_and_another_beside_the_same_header_is_not(manifest, tmp_path):
    for name, voxels in {"first": b"voxels 1", "a_copy": b"voxels 1", "other": b"voxels 2"}.items():
        write_detached(tmp_path, name, voxels)
    lines = [f"p{n},c{n},{name}.mhd,masks.nii,,,,1," for n, name in enumerate(("first", "other", "a_copy"))]
    found = problem(manifest(*lines))
    assert (found.line, found.column) == (4, "ct")
    assert "line 2" in found.message


@pytest.mark.parametrize("separator", [";", "\t"], ids=["semicolon", "tab"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_manifest_is_read_as_spreadsheets_write_it(manifest, separator, mark):
    lines = ("p1,c1,a.nii,masks.nii,,,,1,", "p1,c2,b.nii,masks.nii,,,2,0,")
    expected = read_manifest(manifest(*lines)).cases
    path = manifest(*(line.replace(",", separator) for line in lines), header=mark + HEADER.replace(",", separator))
    assert read_manifest(path).cases == expected


@pytest.mark.parametrize(
    ("patients", "acquisitions", "allowed"),
    [
        (("p", "p"), (2, 3), True),
        (("p", "p"), (2, 2), False),
        (("p", "q"), (2, 3), False),
        (("p", "p"), ("", 3), False),
    ],
)
def test_two_phases_share_a_folder_only_as_acquisitions_of_one_patient(
    manifest, tmp_path, patients, acquisitions, allowed
):
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "1.dcm").write_text("slice")
    pairs = enumerate(zip(patients, acquisitions, strict=True))
    path = manifest(*(f"{p},c{n},series,masks.nii,,,{a},1," for n, (p, a) in pairs))
    assert (examine_manifest(path)[1] == []) == allowed


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("patient,case,ct,liver", "grade"),
        (f"{HEADER},age", "age"),
        (f"{HEADER},grade", "grade"),
    ],
)
def test_missing_unknown_and_repeated_columns_are_told(manifest, header, column):
    found = problem(manifest(header=header))
    assert (found.line, found.column) == (1, column)


def test_a_manifest_without_cases_is_refused(manifest):
    assert problem(manifest()).line == 1


def test_what_is_no_csv_is_refused(tmp_path):
    (tmp_path / "cohort.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(CohortError, match="cannot be read as CSV"):
        read_manifest(tmp_path / "cohort.csv")


names = st.text("abcXYZ019_.-", min_size=1, max_size=8).map("n{}".format)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(names, st.sampled_from([0, 1, 2, None])), min_size=1, max_size=6, unique_by=lambda v: v[0].lower()
    )
)
def test_what_is_written_is_read_back(tmp_path, drawn):
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    cases = []
    for number, (name, grade) in enumerate(drawn):
        (folder / f"{number}.nii").write_text(str(number))
        files = CaseFiles(
            ct=folder / f"{number}.nii", liver=folder / "0.nii", liver_segment="1", acquisition=number, name=name
        )
        cases.append(CohortCase(patient=name, group=f"g{number % 2}", grade=grade, files=files))
    path = tmp_path / "out" / "cohort.csv"
    write_manifest(cases, path)
    back = read_manifest(path, allow_unlabelled=True).cases
    assert [(c.patient, c.group, c.grade, c.name) for c in back] == [
        (c.patient, c.group, c.grade, c.name) for c in cases
    ]
    assert [Path(c.files.ct).resolve() for c in back] == [c.files.ct.resolve() for c in cases]
    assert [(c.files.acquisition, c.files.liver_segment) for c in back] == [(n, "1") for n in range(len(cases))]
