import gzip
import struct
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.reading import checksum, compact, read_volume
from REACTKDLib.imaging.shear import is_sheared
from REACTKDLib.imaging.writing import write_image

from .conftest import Abdomen, grid, rotation


def code(path, **options) -> str:
    with pytest.raises(CaseError) as caught:
        read_volume(path, "ct", **options)
    assert caught.value.hint
    return caught.value.code


def write(path, array) -> str:
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return str(path)


def write_dicom(folder, image, *, acquisition=1, series="1.2.3", prefix="s", uids=True, shear_mm=0.0):
    """One CT slice a file, named so that the order of names is not the order of positions."""
    folder.mkdir(exist_ok=True)
    array = sitk.GetArrayFromImage(image)
    direction = np.reshape(image.GetDirection(), (3, 3))
    for k in range(array.shape[0]):
        slice_data = pydicom.Dataset()
        slice_data.file_meta = pydicom.dataset.FileMetaDataset()
        slice_data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        slice_data.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        slice_data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        slice_data.SOPClassUID = pydicom.uid.CTImageStorage
        slice_data.SOPInstanceUID = slice_data.file_meta.MediaStorageSOPInstanceUID
        slice_data.SeriesInstanceUID = series if uids else ""
        slice_data.AcquisitionNumber = acquisition
        slice_data.Modality = "CT"
        slice_data.Rows, slice_data.Columns = array.shape[1:]
        slice_data.PixelSpacing = [image.GetSpacing()[1], image.GetSpacing()[0]]
        slice_data.SliceThickness = image.GetSpacing()[2]
        position = image.TransformIndexToPhysicalPoint((0, 0, k)) + k * shear_mm * direction[:, 1]
        slice_data.ImagePositionPatient = [f"{v:.6f}" for v in position]
        slice_data.ImageOrientationPatient = [f"{v:.8f}" for v in (*direction[:, 0], *direction[:, 1])]
        slice_data.SamplesPerPixel, slice_data.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_data.BitsAllocated, slice_data.BitsStored, slice_data.HighBit = 16, 16, 15
        slice_data.PixelRepresentation = 1
        slice_data.RescaleIntercept, slice_data.RescaleSlope = -1024, 1
        slice_data.PixelData = (array[k] + 1024).astype(np.int16).tobytes()
        name = f"{prefix}{(k * 7) % array.shape[0]:03d}.dcm"
        slice_data.save_as(folder / name, enforce_file_format=True)


@pytest.fixture(scope="module")
def small() -> sitk.Image:
    return Abdomen(grid(spacing=(6, 6, 8), size=(50, 40, 22), direction=rotation(20, 0))).ct


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_every_format_gives_the_same_image(tmp_path, small, suffix):
    write_image(small, tmp_path / f"ct{suffix}")
    read = read_volume(tmp_path / f"ct{suffix}", "ct")
    assert np.array_equal(sitk.GetArrayViewFromImage(read), sitk.GetArrayViewFromImage(small))
    assert Geometry.of(read).matches(Geometry.of(small))


def test_an_oblique_dicom_series_is_sorted_by_position_whatever_its_file_names(tmp_path, small):
    write_dicom(tmp_path / "series", small)
    read = read_volume(tmp_path / "series", "ct")
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(small))
    assert Geometry.of(read).matches(Geometry.of(small))


def test_a_series_with_empty_uids_is_read(tmp_path, small):
    write_dicom(tmp_path / "series", small, uids=False)
    assert read_volume(tmp_path / "series", "ct").GetSize() == small.GetSize()


def test_two_phases_in_one_series_are_refused_and_one_can_be_chosen(tmp_path, small):
    folder = tmp_path / "series"
    write_dicom(folder, small, acquisition=2, prefix="a")
    write_dicom(folder, small + 10, acquisition=3, prefix="p")
    with pytest.raises(CaseError, match="2, 3") as caught:
        read_volume(folder, "ct")
    assert caught.value.code == "mixed_phases"
    chosen = read_volume(folder, "ct", acquisition=3)
    assert np.array_equal(sitk.GetArrayFromImage(chosen), sitk.GetArrayFromImage(small) + 10)
    assert code(folder, acquisition=5) == "no_dicom"


def test_a_missing_slice_is_named(tmp_path, small):
    write_dicom(tmp_path / "series", small)
    (tmp_path / "series" / "s013.dcm").unlink()
    assert code(tmp_path / "series") == "missing_slices"


def test_a_tilted_gantry_is_refused(tmp_path, small):
    write_dicom(tmp_path / "series", small, shear_mm=2.0)
    assert code(tmp_path / "series") == "tilted_gantry"


def sheared(image, shear):
    """The same voxels on a grid whose z axis leans by `shear` of a millimetre a millimetre towards y."""
    geometry = Geometry.of(image)
    leaning = np.reshape(geometry.direction, (3, 3)) @ [[1, 0, 0], [0, 1, shear], [0, 0, 1]]
    return replace(geometry, direction=tuple(leaning.ravel().tolist())).image(sitk.GetArrayFromImage(image))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_sheared_volume_is_straightened_and_what_lies_in_it_stays_where_it_was(tmp_path, suffix):
    """A ramp is linear in space, whatever the grid."""
    slope = np.array((3.0, -2.0, 1.0))
    grid = Geometry((30, 26, 20), (2.0, 2.0, 3.0), (5.0, 6.0, 7.0), (1, 0, 0, 0, 1, 0.3, 0, 0, 1))
    index = np.moveaxis(np.indices(grid.shape), 0, -1)[..., ::-1]
    write_image(grid.image((grid.to_world(index) @ slope).astype(np.float32)), tmp_path / f"ct{suffix}")
    read = read_volume(tmp_path / f"ct{suffix}", "ct")
    assert not is_sheared(Geometry.of(read))
    middle = [n // 2 for n in read.GetSize()]
    assert read[middle] == pytest.approx(np.array(read.TransformIndexToPhysicalPoint(middle)) @ slope, abs=1e-3)


def write_nifti(path, image, *, sform, qform_code, sform_code=1):
    """image: on the qform. sform: (3, 4), RAS."""
    sitk.WriteImage(image, str(path))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<2h", raw, 252, qform_code, sform_code)
    struct.pack_into("<12f", raw, 280, *np.ravel(sform))
    path.write_bytes(raw)


def ras(geometry) -> np.ndarray:
    return np.diag([-1, -1, 1]) @ geometry.index_to_world[:3]


def test_a_sheared_nifti_which_itk_does_not_read_is_called_so(tmp_path, small):
    write_nifti(tmp_path / "ct.nii", small, sform=ras(Geometry.of(sheared(small, 0.3))), qform_code=0)
    assert code(tmp_path / "ct.nii") == "tilted_gantry"


@pytest.mark.parametrize("suffix", [".nii", ".hdr"])
@pytest.mark.parametrize("apart", ["shifted", "mirrored", "sheared"])
def test_a_nifti_that_says_twice_where_it_lies_and_not_the_same_is_refused(tmp_path, small, apart, suffix):
    sform = ras(Geometry.of(small))
    if apart == "shifted":
        sform[1, 3] += 7.0  # voxels are 6 mm wide
    elif apart == "mirrored":
        sform[0] *= -1
    else:
        sform = ras(Geometry.of(sheared(small, 0.3)))
    write_nifti(tmp_path / f"ct{suffix}", small, sform=sform, qform_code=1)
    assert code(tmp_path / f"ct{suffix}") == "two_positions"


@pytest.mark.parametrize(
    "direction", [np.eye(3), rotation(170, 1), np.diag([1, 1, -1]), rotation(20, 0) @ rotation(-70, 2)]
)
def test_two_positions_that_are_one_to_a_voxel_are_taken_and_so_is_one_alone(tmp_path, direction):
    image = Abdomen(grid(spacing=(6, 6, 8), size=(50, 40, 22), direction=direction)).ct
    sform = ras(Geometry.of(image))
    write_nifti(tmp_path / "same.nii", image, sform=sform, qform_code=1)
    sform[1, 3] += 5.0
    write_nifti(tmp_path / "near.nii", image, sform=sform, qform_code=1)
    sform[1, 3] += 100.0
    write_nifti(tmp_path / "alone.nii", image, sform=sform, qform_code=0)
    sitk.WriteImage(image, str(tmp_path / "as written.nii.gz"))
    for name in ("same.nii", "near.nii", "alone.nii", "as written.nii.gz"):
        assert read_volume(tmp_path / name, "ct").GetSize() == image.GetSize()


@pytest.mark.parametrize(
    ("modality", "frames", "expected"), [("SEG", 3, "dicom_seg"), ("SEG", 1, "dicom_seg"), ("CT", 3, "multi_frame")]
)
def test_frames_in_one_dicom_file_are_refused_since_itk_does_not_place_them(
    tmp_path, small, modality, frames, expected
):
    write_dicom(tmp_path / "series", small)
    data = pydicom.dcmread(tmp_path / "series" / "s000.dcm")
    data.Modality, data.NumberOfFrames, data.PixelData = modality, frames, data.PixelData * frames
    data.save_as(tmp_path / "frames.dcm")
    assert code(tmp_path / "frames.dcm") == expected


def test_an_acquisition_number_needs_a_series_to_choose_from(tmp_path, small):
    write_image(small, tmp_path / "ct.nrrd")
    assert code(tmp_path / "ct.nrrd", acquisition=3) == "no_series"


@pytest.mark.parametrize("header", ["NRRD0004\ntype: short\nencoding: raw\n\n", "NRRD0004\ntype: nonsense\n\n"])
def test_a_malformed_header_is_refused(tmp_path, header):
    (tmp_path / "ct.nrrd").write_text(header)
    assert code(tmp_path / "ct.nrrd") == "unreadable"


def test_two_series_in_one_folder_are_refused(tmp_path, small):
    write_dicom(tmp_path / "series", small, series="1.2.3", prefix="a")
    write_dicom(tmp_path / "series", small, series="1.2.4", prefix="b")
    assert code(tmp_path / "series") == "several_series"


def test_a_missing_file_is_refused(tmp_path):
    assert code(tmp_path / "nothing.nii.gz") == "missing_file"


def test_a_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "ct.nii.gz").write_text("not an image")
    assert code(tmp_path / "ct.nii.gz") == "unreadable"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_truncated_file_is_refused(tmp_path, small, suffix):
    path = tmp_path / f"ct{suffix}"
    write_image(small, path)
    whole = path.read_bytes()
    for kept in (len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole[:kept])
        assert code(path) == "unreadable"


def test_a_truncated_pair_of_header_and_voxels_is_refused_by_either_name(tmp_path, small):
    sitk.WriteImage(small, str(tmp_path / "ct.hdr"))
    assert np.array_equal(
        sitk.GetArrayViewFromImage(read_volume(tmp_path / "ct.img", "ct")), sitk.GetArrayViewFromImage(small)
    )
    voxels = tmp_path / "ct.img"
    voxels.write_bytes(voxels.read_bytes()[: voxels.stat().st_size * 6 // 10])
    assert code(tmp_path / "ct.hdr") == code(tmp_path / "ct.img") == "unreadable"
    voxels.unlink()
    assert code(tmp_path / "ct.hdr") == "unreadable"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_nifti_with_a_value_that_is_no_number_is_refused_although_itk_would_make_it_zero(
    tmp_path, small, suffix, value
):
    array = sitk.GetArrayFromImage(small).astype(np.float32)
    array[3, 4, 5] = value
    sitk.WriteImage(Geometry.of(small).image(array), str(tmp_path / f"ct{suffix}"))
    assert code(tmp_path / f"ct{suffix}") == "not_finite"


def test_a_nifti_compressed_in_several_parts_is_read(tmp_path, small):
    write_image(small, tmp_path / "ct.nii")
    raw = (tmp_path / "ct.nii").read_bytes()
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(raw[:5000]) + gzip.compress(raw[5000:]))
    read = read_volume(tmp_path / "ct.nii.gz", "ct")
    assert np.array_equal(sitk.GetArrayViewFromImage(read), sitk.GetArrayViewFromImage(small))


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    assert code(tmp_path) == "no_dicom"


def test_a_2d_image_is_refused(tmp_path):
    assert code(write(tmp_path / "ct.png", np.zeros((20, 30), np.uint8))) == "not_3d"


def test_a_4d_series_is_refused_but_one_with_a_single_frame_is_taken(tmp_path, small):
    frames = sitk.JoinSeries([small, small])
    sitk.WriteImage(frames, str(tmp_path / "two.nii.gz"))
    sitk.WriteImage(sitk.JoinSeries([small]), str(tmp_path / "one.nii.gz"))
    assert code(tmp_path / "two.nii.gz") == "not_3d"
    assert read_volume(tmp_path / "one.nii.gz", "ct").GetSize() == small.GetSize()


def test_a_colour_image_is_refused(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "rgb.nrrd"))
    assert code(tmp_path / "rgb.nrrd") == "not_scalar"


@pytest.mark.parametrize(
    ("kind", "added", "expected"),
    [
        (sitk.sitkInt16, 0, sitk.sitkInt16),
        (sitk.sitkFloat32, 0, sitk.sitkInt16),
        (sitk.sitkFloat64, 0, sitk.sitkInt16),
        (sitk.sitkInt32, 0, sitk.sitkInt16),
        (sitk.sitkInt32, 40_000, sitk.sitkFloat32),
        (sitk.sitkFloat32, 0.5, sitk.sitkFloat32),
        (sitk.sitkFloat64, 0.5, sitk.sitkFloat32),
        (sitk.sitkFloat32, np.nan, sitk.sitkFloat32),
    ],
)
def test_a_ct_of_whole_hu_takes_two_bytes_a_voxel_whatever_its_file_took_and_loses_nothing(
    small, kind, added, expected
):
    array = sitk.GetArrayFromImage(sitk.Cast(small, kind))
    array[-1, -1, -1] += added
    image = compact(Geometry.of(small).image(array))
    assert image.GetPixelID() == expected
    assert np.array_equal(sitk.GetArrayViewFromImage(image), array, equal_nan=bool(np.isnan(added)))


def test_a_dicom_series_of_whole_hu_takes_two_bytes_a_voxel(tmp_path, small):
    write_dicom(tmp_path / "series", small)
    assert compact(read_volume(tmp_path / "series", "ct")).GetPixelID() == sitk.sitkInt16


def test_the_checksum_of_a_folder_does_not_depend_on_file_names(tmp_path, small):
    write_dicom(tmp_path / "a", small)
    before = checksum(tmp_path / "a")
    (tmp_path / "a" / "s000.dcm").rename(tmp_path / "a" / "patient_name.dcm")
    assert checksum(tmp_path / "a") == before


def test_a_case_from_files_says_what_was_read_but_not_from_where(tmp_path, abdomen, coarse_pet):
    paths = {"ct": abdomen.ct, "liver": abdomen.liver, "tumor": abdomen.tumor, "pet_fdg": coarse_pet}
    for name, image in paths.items():
        write_image(image, tmp_path / f"DOE_JOHN_{name}.nii.gz")
    case = Case.from_files(**{name: tmp_path / f"DOE_JOHN_{name}.nii.gz" for name in paths})
    assert set(case.sources) == {"ct", "liver", "tumor", "fdg"}
    assert case.sources["ct"].sha256 == checksum(tmp_path / "DOE_JOHN_ct.nii.gz")
    assert case.sources["fdg"].geometry.size == coarse_pet.GetSize()
    assert "DOE" not in str([source.to_dict() for source in case.sources.values()]) + case.name


def test_an_image_that_could_not_be_written_whole_is_an_error(tmp_path, small):
    with pytest.raises(OSError, match=r"ct\.nrrd"):
        write_image(small, tmp_path / "no such folder" / "ct.nrrd")


@pytest.mark.real_data
def test_real_slices_with_empty_uids_and_jpeg_2000_are_read(data):
    image = read_volume(data / "totalsegmentator_ct" / "dicom", "ct")
    assert image.GetSize() == (512, 512, 20)
    assert np.allclose(image.GetSpacing(), (0.9766, 0.9766, 2.0), atol=1e-3)
    assert sitk.GetArrayViewFromImage(image).min() < -900
