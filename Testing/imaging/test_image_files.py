import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.image_files import ImageFiles
from REACTKDLib.imaging.reading import checksum, read_volume

SIZE = (6, 5, 4)
PLANES = [f"plane{k:02d}.raw" for k in range(SIZE[2])]
LIST = "".join(f"{plane}\n" for plane in PLANES)
META = "ObjectType = Image\nNDims = 3\nDimSize = 6 5 4\nElementType = MET_SHORT\nElementDataFile = {}\n"
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 6 5 4\nendian: little\nencoding: raw\ndata file: {}\n"
HEADERS = {
    "one file, MetaImage": ("ct.mhd", META.format("ct.raw"), ["ct.raw"]),
    "one file, NRRD": ("ct.nhdr", NRRD.format("ct.raw") + "key:=value\n", ["ct.raw"]),
    "a list, MetaImage": ("ct.mhd", META.format("LIST") + LIST, PLANES),
    "a list, NRRD": ("ct.nhdr", NRRD.format("LIST") + LIST, PLANES),
    "numbers, MetaImage": ("ct.mhd", META.format("plane%02d.raw 0 3 1"), PLANES),
    "numbers, NRRD": ("ct.nhdr", NRRD.format("plane%02d.raw 0 3 1"), PLANES),
    "a folder below": ("ct.mhd", META.format("raw/ct.raw"), ["raw/ct.raw"]),
    "lines as Windows ends them": ("ct.nhdr", NRRD.format("ct.raw").replace("\n", "\r\n"), ["ct.raw"]),
}


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 1000, SIZE[::-1]).astype("<i2")


@pytest.fixture
def image(array) -> sitk.Image:
    return sitk.GetImageFromArray(array)


def write_named(folder, kind: str, array):
    """A header beside the files that it names: path and files."""
    name, text, parts = HEADERS[kind]
    (folder / name).write_bytes(text.encode())
    for part, voxels in zip(parts, np.split(array, len(parts)), strict=True):
        (folder / part).parent.mkdir(exist_ok=True)
        (folder / part).write_bytes(voxels.tobytes())
    return folder / name, [folder / part for part in parts]


@pytest.fixture(params=HEADERS)
def named(request, tmp_path, array):
    return write_named(tmp_path, request.param, array)


def change_one_voxel(path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_the_files_that_a_header_names_are_those_that_are_read(named, array):
    path, parts = named
    assert ImageFiles.of(path).parts == tuple(parts)
    assert ImageFiles.of(path).all == (path, *parts)
    assert np.array_equal(sitk.GetArrayViewFromImage(read_volume(path, "ct")), array)


def test_a_voxel_that_changes_beside_the_same_header_changes_the_checksum(named):
    path, parts = named
    before = checksum(path)
    change_one_voxel(parts[-1])
    assert checksum(path) != before


def test_a_header_that_changes_beside_the_same_voxels_changes_the_checksum(named):
    path, _ = named
    before = checksum(path)
    path.write_bytes(path.read_bytes().replace(b"6 5 4", b"5 6 4"))
    assert checksum(path) != before


@pytest.mark.parametrize("kind", [kind for kind, (_, _, parts) in HEADERS.items() if parts == PLANES])
def test_planes_in_another_order_are_another_image(tmp_path, array, kind):
    path, _ = write_named(tmp_path, kind, array)
    before = checksum(path)
    write_named(tmp_path, kind, array[::-1])
    assert checksum(path) != before


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr", ".hdr", ".img"])
def test_the_same_image_under_another_name_has_the_same_checksum(tmp_path, image, suffix):
    for name in ("ct", "another_name"):
        sitk.WriteImage(image, str(tmp_path / f"{name}{suffix}"))
    assert checksum(tmp_path / f"ct{suffix}") == checksum(tmp_path / f"another_name{suffix}")


@pytest.mark.parametrize("suffix", [".hdr", ".img", ".hdr.gz", ".img.gz"])
def test_a_pair_is_both_of_its_files_whichever_is_given(tmp_path, image, suffix):
    sitk.WriteImage(image, str(tmp_path / f"ct{suffix}"))
    path, ending = tmp_path / f"ct{suffix}", suffix[4:]
    assert ImageFiles.of(path).all == (tmp_path / f"ct.hdr{ending}", tmp_path / f"ct.img{ending}")
    before = checksum(path)
    for file in ImageFiles.of(path).all:
        change_one_voxel(file)
        assert checksum(path) != before
        before = checksum(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_an_image_that_holds_its_own_voxels_is_one_file(tmp_path, image, suffix):
    path = tmp_path / f"ct{suffix}"
    image.SetMetaData("note", "data file: other.raw")
    (tmp_path / "other.raw").touch()
    sitk.WriteImage(image, str(path))
    assert ImageFiles.of(path).all == (path,)


def test_what_a_header_names_but_is_not_there_is_left_out(tmp_path):
    (tmp_path / "ct.mhd").write_text(META.format("gone.raw"))
    assert ImageFiles.of(tmp_path / "ct.mhd").all == (tmp_path / "ct.mhd",)
