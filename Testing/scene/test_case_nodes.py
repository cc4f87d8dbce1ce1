"""A case given as nodes is the case that their files would be."""

import resource
from dataclasses import dataclass, replace

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from scipy.spatial.transform import Rotation

from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.prediction import OutputError
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.scene.case_nodes import NO_TUMOR, CaseNodes, check, unusable, write_case
from REACTKDLib.scene.geometry import array_of, oriented_image_data
from REACTKDLib.scene.volumes import add_array_volume, add_volume
from Testing.models import write_random_model

LABEL_MAP, SURFACE = "Binary labelmap", "Closed surface"
LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
OBLIQUE = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()


@pytest.fixture(scope="module")
def images(phantom):
    """CT, PET, and masks as bool arrays on the CT's grid: the whole liver, and two tumours."""
    labels = sitk.GetArrayFromImage(phantom.prediction.regions)
    masks = {"Liver": labels > 0, "Tumor": labels == 2, "Lesion 2": labels == 3}
    return phantom.images, masks


@pytest.fixture
def ct(scene, images):
    return add_volume(scene, images[0].ct, "Doe^Jane CT")


@pytest.fixture
def pet(scene, images):
    return add_volume(scene, images[0].pet["fdg"], "Doe^Jane PET")


def add_segmentation(scene, masks, geometry):
    """A layer of its own for each mask, cut to it as Slicer's segment editor does. Segment ids are the names."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Doe^Jane segmentation")
    for name, mask in masks.items():
        where = np.argwhere(mask)
        box = tuple(slice(int(a), int(b)) for a, b in zip(where.min(0), where.max(0) + 1, strict=True))
        add_segment(node, name, mask[box].astype(np.uint8), geometry.crop(box))
    return node


def add_segment(node, name, labels, geometry, value=1):
    """labels: (D, H, W), or image data that other segments have too."""
    image = labels if isinstance(labels, vtk.vtkImageData) else oriented_image_data(labels, geometry)
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetLabelValue(value)
    segment.AddRepresentation(LABEL_MAP, image)
    node.GetSegmentation().AddSegment(segment, name)


@pytest.fixture
def segmentation(scene, images):
    return add_segmentation(scene, images[1], Geometry.of(images[0].ct))


def shared_label_map(scene, masks, geometry):
    """Segments that do not overlap, in one layer: the liver is its parenchyma."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "shared")
    tumor, lesion = masks["Tumor"], masks["Lesion 2"]
    labels = oriented_image_data((masks["Liver"] + 1 * tumor + 2 * lesion).astype(np.uint8), geometry)
    for value, name in enumerate(("Liver", "Tumor", "Lesion 2"), 1):
        add_segment(node, name, labels, geometry, value)
    return node


def collapsed(scene, masks, geometry):
    node = add_segmentation(scene, masks, geometry)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    return node


def written(nodes, folder):
    check(nodes)
    return write_case(nodes, folder, "case")


def array(image):
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("layout", [add_segmentation, shared_label_map, collapsed])
def test_the_written_case_is_the_nodes_own_voxel_for_voxel(scene, images, ct, pet, tmp_path, layout):
    expected, masks = images
    segmentation = layout(scene, masks, Geometry.of(expected.ct))
    case = written(CaseNodes(ct, segmentation, {"fdg": pet}), tmp_path).read()
    assert case.geometry.matches(Geometry.of(expected.ct), 1e-9)
    assert np.array_equal(array(case.ct), array(expected.ct))
    assert np.array_equal(array(case.pet["fdg"]), array(expected.pet["fdg"]))
    assert np.array_equal(array(case.liver), masks["Liver"])
    assert np.array_equal(array(case.tumor), masks["Tumor"] | masks["Lesion 2"])


@pytest.mark.parametrize(
    "turn", [np.diag([-1.0, -1.0, 1.0]), Rotation.from_euler("xyz", (10, 20, 30), True).as_matrix()]
)
def test_so_it_is_however_the_voxels_are_stored(scene, make_phantom, tmp_path, turn):
    phantom = make_phantom(direction=turn)
    labels = array(phantom.prediction.regions)
    geometry = Geometry.of(phantom.images.ct)
    segmentation = add_segmentation(scene, {"Liver": labels > 0, "Tumor": labels > 1}, geometry)
    case = written(CaseNodes(add_volume(scene, phantom.images.ct, "CT"), segmentation), tmp_path).read()
    assert case.geometry.matches(geometry, 1e-9)
    assert np.array_equal(array(case.ct), array(phantom.images.ct))
    assert np.array_equal(array(case.liver), labels > 0)
    assert np.array_equal(array(case.tumor), labels > 1)


@pytest.mark.parametrize("moved", [False, True])
def test_surfaces_become_voxels_on_the_cts_grid_and_the_node_is_left_alone(
    scene, images, ct, segmentation, tmp_path, moved
):
    _, masks = images
    segmentation.GetSegmentation().SetConversionParameter("Smoothing factor", "0.0")
    segmentation.CreateClosedSurfaceRepresentation()
    segmentation.SetSourceRepresentationToClosedSurface()
    segmentation.RemoveBinaryLabelmapRepresentation()
    if moved:
        for node in (ct, segmentation):
            node.SetAndObserveTransformNodeID(transform(scene, rigid()).GetID())
    before = segmentation.GetSegmentation().GetMTime()
    case = written(CaseNodes(ct, segmentation), tmp_path).read()
    for found, expected in ((case.liver, masks["Liver"]), (case.tumor, masks["Tumor"] | masks["Lesion 2"])):
        both = np.count_nonzero(array(found) & expected)
        assert 2 * both / (array(found).sum() + expected.sum()) > 0.95
    assert segmentation.GetSegmentation().GetMTime() == before
    assert not segmentation.GetSegmentation().ContainsRepresentation(LABEL_MAP)


def test_segments_on_another_grid_keep_their_place_and_volume(scene, images, ct, tmp_path):
    _, masks = images
    fine = Geometry.of(ct_image := images[0].ct)
    coarse = sitk.Resample(fine.image(masks["Liver"].astype(np.uint8)), (48, 40, 30), sitk.Transform(),
                           sitk.sitkNearestNeighbor, fine.to_world((-0.3, 0.2, 0.1)).tolist(), (7.1, 7.2, 6.5),
                           ct_image.GetDirection())  # fmt: skip
    segmentation = add_segmentation(scene, {"Liver": array(coarse) > 0}, Geometry.of(coarse))
    sitk.WriteImage(coarse, str(tmp_path / "liver_file.nrrd"))
    sitk.WriteImage(ct_image, str(tmp_path / "ct_file.nrrd"))
    of_files = CaseFiles(ct=tmp_path / "ct_file.nrrd", liver=tmp_path / "liver_file.nrrd").read()
    case = written(CaseNodes(ct, segmentation), tmp_path).read()
    assert np.array_equal(array(case.liver), array(of_files.liver))


def test_segments_on_grids_of_their_own_are_joined(scene, images, ct, tmp_path):
    expected, masks = images
    geometry = Geometry.of(expected.ct)
    half = replace(geometry, origin=tuple(geometry.to_world((0.5, 0.5, 0.0)).tolist()))
    segmentation = add_segmentation(scene, {"Liver": masks["Liver"], "Tumor": masks["Tumor"]}, geometry)
    add_segment(segmentation, "Lesion 2", masks["Lesion 2"].astype(np.uint8), half)
    tumor = array(written(CaseNodes(ct, segmentation), tmp_path).read().tumor)
    assert tumor.sum() == pytest.approx((masks["Tumor"] | masks["Lesion 2"]).sum(), rel=0.05)
    assert (tumor & masks["Tumor"]).sum() > 0.9 * masks["Tumor"].sum()


def test_what_reaches_beyond_the_ct_is_found_as_it_is_with_files(scene, images, segmentation, tmp_path):
    whole = images[0].ct
    ct = add_volume(scene, whole[:, :, : whole.GetSize()[2] // 2], "CT")
    case = written(CaseNodes(ct, segmentation, tumor_segment=NO_TUMOR), tmp_path).read()
    assert "liver_partly_outside_ct" in [finding.code for finding in case.findings]
    assert np.array_equal(array(case.liver), images[1]["Liver"][: whole.GetSize()[2] // 2])


@pytest.mark.parametrize(
    ("liver", "tumor", "expected"),
    [
        (None, None, ("Liver", ["Tumor", "Lesion 2"])),
        (None, "Lesion 2", ("Liver", ["Lesion 2"])),
        (None, NO_TUMOR, ("Liver", [])),
        ("Liver", "Tumor", ("Liver", ["Tumor"])),
        ("Tumor", NO_TUMOR, ("Tumor", [])),
    ],
)
def test_segments_are_found_by_name_or_by_choice(images, ct, segmentation, tmp_path, liver, tumor, expected):
    _, masks = images
    nodes = CaseNodes(ct, segmentation, liver_segment=liver, tumor_segment=tumor)
    files = written(nodes, tmp_path)
    found = sitk.ReadImage(str(files.liver))
    assert np.array_equal(array(found), masks[expected[0]])
    assert (files.tumor is None) == (not expected[1])
    if expected[1]:
        assert np.array_equal(array(sitk.ReadImage(str(files.tumor))), np.any([masks[n] for n in expected[1]], axis=0))


def rigid(scale=1.0, shear=0.0):
    """4x4, RAS."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix() * scale
    matrix[0, 1] += shear
    matrix[:3, 3] = (30.0, -40.0, 12.5)
    return matrix


def transform(scene, matrix):
    node = scene.AddNode(slicer.vtkMRMLLinearTransformNode())
    values = vtk.vtkMatrix4x4()
    values.DeepCopy(matrix.ravel())
    node.SetMatrixTransformToParent(values)
    return node


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_linear_transforms_move_turn_and_scale_the_files(scene, images, ct, pet, segmentation, tmp_path, scale):
    expected, masks = images
    parent = transform(scene, rigid())
    child = transform(scene, rigid(scale))
    child.SetAndObserveTransformNodeID(parent.GetID())
    for node in (ct, pet, segmentation):
        node.SetAndObserveTransformNodeID(child.GetID())
    case = written(CaseNodes(ct, segmentation, {"fdg": pet}), tmp_path).read()
    in_ras = rigid() @ rigid(scale) @ LPS_RAS @ Geometry.of(expected.ct).index_to_world
    assert np.allclose(case.geometry.index_to_world, LPS_RAS @ in_ras, atol=1e-9)
    assert np.allclose(Geometry.of(case.pet["fdg"]).index_to_world, LPS_RAS @ in_ras, atol=1e-9)
    assert np.array_equal(array(case.ct), array(expected.ct))
    assert np.array_equal(array(case.liver), masks["Liver"])
    assert case.geometry.voxel_ml == pytest.approx(Geometry.of(expected.ct).voxel_ml * scale**3)


def test_a_pet_under_an_affine_registration_keeps_its_uptake_in_place(scene, images, ct, segmentation, tmp_path):
    geometry = Geometry((40, 36, 30), (7.0, 7.0, 8.0), tuple(Geometry.of(images[0].ct).to_world((0, 0, 0)).tolist()))
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    own_ras = geometry.to_world(index) * (-1, -1, 1)
    slope = np.array((0.3, -0.2, 0.1))
    pet = add_array_volume(scene, (own_ras @ slope + 500).astype(np.float32), geometry, "PET")
    affine = np.eye(4)
    affine[0, 1], affine[1, 2], affine[:3, 3] = 0.15, -0.1, (5.0, 3.0, -2.0)
    pet.SetAndObserveTransformNodeID(transform(scene, affine).GetID())
    files = written(CaseNodes(ct, segmentation, {"fdg": pet}), tmp_path)
    image = sitk.ReadImage(str(files.pet_fdg))
    found = Geometry.of(image)
    axes = np.reshape(found.direction, (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    places = found.to_world(np.moveaxis(np.indices(found.shape), 0, -1)[..., ::-1]) * (-1, -1, 1)
    before = np.append(places, np.ones((*places.shape[:3], 1)), -1) @ np.linalg.inv(affine).T
    inside = geometry.to_index(before[..., :3] * (-1, -1, 1))
    inside = ((inside >= 0) & (inside <= np.array(geometry.size) - 1)).all(-1)
    assert inside.sum() > 10_000
    assert np.allclose(array(image)[inside], before[inside][:, :3] @ slope + 500, atol=1e-2)


def test_ct_and_segments_under_the_same_affine_still_fit(scene, images, ct, segmentation, tmp_path):
    for node in (ct, segmentation):
        node.SetAndObserveTransformNodeID(transform(scene, rigid(shear=0.1)).GetID())
    case = written(CaseNodes(ct, segmentation), tmp_path).read()
    volume = array(case.liver).sum() * case.geometry.voxel_ml
    before = images[1]["Liver"].sum() * Geometry.of(images[0].ct).voxel_ml
    assert volume == pytest.approx(before * np.linalg.det(rigid(shear=0.1)[:3, :3]), rel=0.02)
    hu = array(case.ct)[array(case.liver) > 0]
    assert np.mean((hu > 20) & (hu < 150)) > 0.97


def test_no_name_of_a_node_is_in_the_files(ct, pet, segmentation, tmp_path):
    files = written(CaseNodes(ct, segmentation, {"fdg": pet}), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ct.nrrd", "fdg.nrrd", "liver.nrrd", "tumor.nrrd"]
    assert not [p for p in tmp_path.iterdir() if b"Jane" in p.read_bytes()]
    assert files.name == "case"


@pytest.fixture
def small_disk():
    """Which takes the CT, 0.6 MB, but not the PET, 1.2 MB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_nothing(ct, pet, segmentation, tmp_path, small_disk):
    with pytest.raises(OutputError, match="File too large") as caught:
        write_case(CaseNodes(ct, segmentation, {"fdg": pet}), tmp_path, "case")
    assert caught.value.code == "case_not_writable"
    assert "Jane" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(ct, segmentation, tmp_path):
    with pytest.raises(OutputError, match="nowhere: No such file or directory"):
        write_case(CaseNodes(ct, segmentation), tmp_path / "nowhere", "case")


def test_segments_that_cannot_become_voxels_leave_no_file(scene, ct, tmp_path):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    # Of radiotherapy; nothing here turns them into voxels.
    node.GetSegmentation().SetSourceRepresentationName("Planar contour")
    segment = slicer.vtkSegment()
    segment.SetName("Liver")
    segment.AddRepresentation("Planar contour", vtk.vtkPolyData())
    node.GetSegmentation().AddSegment(segment, "Liver")
    with pytest.raises(CaseError, match="'drawn' cannot be turned into voxels"):
        write_case(CaseNodes(ct, node), tmp_path, "case")
    assert list(tmp_path.iterdir()) == []


@dataclass
class Scene:
    """What the faults below are made of."""

    scene: slicer.vtkMRMLScene
    nodes: CaseNodes

    def bent(self, node):
        grid = self.scene.AddNode(slicer.vtkMRMLBSplineTransformNode())
        grid.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
        node.SetAndObserveTransformNodeID(grid.GetID())

    def colour(self):
        volume = self.scene.AddNode(slicer.vtkMRMLVectorVolumeNode())
        data = vtk.vtkImageData()
        data.SetDimensions(4, 4, 4)
        data.AllocateScalars(vtk.VTK_SHORT, 3)
        volume.SetAndObserveImageData(data)
        return volume

    def framed(self, volume):
        browser = self.scene.AddNode(slicer.vtkMRMLSequenceBrowserNode())
        browser.AddProxyNode(volume, self.scene.AddNode(slicer.vtkMRMLSequenceNode()), False)

    def clear(self, name):
        labels = self.nodes.segmentation.GetSegmentation().GetSegment(name).GetRepresentation(LABEL_MAP)
        array_of(labels)[:] = 0


FAULTS = [
    ("no_ct", lambda s: replace(s.nodes, ct=None)),
    ("no_segmentation", lambda s: replace(s.nodes, segmentation=None)),
    ("same_volume_twice", lambda s: replace(s.nodes, pet={"fdg": s.nodes.ct})),
    ("same_volume_twice", lambda s: replace(s.nodes, pet={"fdg": s.nodes.pet["fdg"], "act": s.nodes.pet["fdg"]})),
    ("no_voxels", lambda s: replace(s.nodes, ct=s.scene.AddNode(slicer.vtkMRMLScalarVolumeNode()))),
    ("volume_sequence", lambda s: replace(s.nodes, ct=s.colour())),
    ("volume_sequence", lambda s: s.framed(s.nodes.ct)),
    ("volume_sequence", lambda s: s.framed(s.nodes.pet["fdg"])),
    ("nonlinear_transform", lambda s: s.bent(s.nodes.ct)),
    ("nonlinear_transform", lambda s: s.bent(s.nodes.pet["fdg"])),
    ("nonlinear_transform", lambda s: s.bent(s.nodes.segmentation)),
    ("no_liver_segment", lambda s: s.nodes.segmentation.GetSegmentation().GetSegment("Liver").SetName("Spleen")),
    ("unknown_segment", lambda s: replace(s.nodes, liver_segment="gone")),
    ("unknown_segment", lambda s: replace(s.nodes, tumor_segment="gone")),
]


@pytest.fixture
def whole(scene, ct, pet, segmentation):
    return Scene(scene, CaseNodes(ct, segmentation, {"fdg": pet}))


@pytest.mark.parametrize(("code", "fault"), FAULTS)
def test_what_is_wrong_is_said_before_anything_is_written(whole, tmp_path, code, fault):
    assert unusable(whole.nodes) is None
    nodes = fault(whole) or whole.nodes
    with pytest.raises(CaseError) as caught:
        check(nodes)
    assert caught.value.code == code
    assert caught.value.hint
    assert unusable(nodes) == str(caught.value)
    with pytest.raises(CaseError):
        write_case(nodes, tmp_path, "case")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "cleared", "named"),
    [
        ({}, ["Liver"], "'Liver'"),
        ({}, ["Tumor", "Lesion 2"], "'Tumor', 'Lesion 2'"),
        ({"tumor_segment": "Tumor"}, ["Tumor"], "'Tumor'"),
        ({}, ["Tumor"], None),
        ({"tumor_segment": NO_TUMOR}, ["Tumor", "Lesion 2"], None),
    ],
)
def test_a_segment_with_nothing_in_it_is_named(whole, changes, cleared, named):
    nodes = replace(whole.nodes, **changes)
    check(nodes)
    for name in cleared:
        whole.clear(name)
    if named is None:
        check(nodes)
        return
    with pytest.raises(CaseError, match=f"drawn in {named} of") as caught:
        check(nodes)
    assert caught.value.code == "empty_segment"


def test_a_surface_with_nothing_in_it_is_empty(scene, ct):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    node.SetSourceRepresentationToClosedSurface()
    segment = slicer.vtkSegment()
    segment.SetName("Liver")
    segment.AddRepresentation(SURFACE, vtk.vtkPolyData())
    node.GetSegmentation().AddSegment(segment, "Liver")
    with pytest.raises(CaseError, match="'Liver'"):
        check(CaseNodes(ct, node))


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["hcc007.seg.nrrd", "hcc007_single_layer.seg.nrrd"])
def test_a_real_case_as_nodes_has_exactly_the_logits_of_its_files(host, hcc007, tmp_path, name):
    volumes = next(logic for logic in host.logics if logic.IsA("vtkSlicerVolumesLogic"))
    ct = volumes.AddArchetypeVolume(str(hcc007 / "ct.nii.gz"), "ct")
    segmentation = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(hcc007 / name))
    assert storage.ReadData(segmentation)
    of_nodes = written(CaseNodes(ct, segmentation), tmp_path).read()
    of_files = CaseFiles(ct=hcc007 / "ct.nii.gz", segmentation=hcc007 / name).read()
    models = [write_random_model(tmp_path / str(seed), seed=seed) for seed in range(2)]
    for model in (*models, demo_model()):
        predictor = Predictor.load(model, "cpu")
        expected = predictor.predict(of_files, deletion_check=False)
        assert predictor.predict(of_nodes, deletion_check=False).logits == expected.logits
