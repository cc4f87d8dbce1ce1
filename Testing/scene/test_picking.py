"""What is under the mouse, and what is at a point of the patient."""

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.scene.bundle import open_bundle, write_bundle
from REACTKDLib.scene.display import show_nodes
from REACTKDLib.scene.geometry import to_ras
from REACTKDLib.scene.graph import SPHERE_RADII_MM
from REACTKDLib.scene.overlay import build_overlay
from REACTKDLib.scene.picking import region_at, region_at_display_position
from REACTKDLib.scene.views import ThreeDView

SIZE = (320, 240)

gl = [pytest.mark.gl, pytest.mark.usefixtures("display")]


@dataclass(frozen=True)
class Widget:
    """Names the displayable managers of a view as the application's 3D view does."""

    view: ThreeDView

    def displayableManagerByClassName(self, name):
        return self.view.managers.GetDisplayableManagerByClassName(name)


@pytest.fixture
def view(scene, overlay):
    """Of the overlay, from the front."""
    view = ThreeDView(scene, SIZE)
    bounds = [0.0] * 6
    overlay.segmentation.GetRASBounds(bounds)
    view.look(bounds, -20.0, 15.0)
    view.pixels()
    yield view
    view.close(scene)


def projected(view, point):
    """Pixels from the left and the bottom, by the renderer's own projection."""
    coordinate = vtk.vtkCoordinate()
    coordinate.SetCoordinateSystemToWorld()
    coordinate.SetValue(*point)
    return coordinate.GetComputedDisplayValue(view.renderer)


def is_in_front(view, other, region):
    """Whether another region's sphere, of any size it may have, is in the line of sight to a region's centroid."""
    position = np.array(view.renderer.GetActiveCamera().GetPosition())
    sight, to_other = region.centroid - position, other.centroid - position
    along = to_other @ sight / np.linalg.norm(sight)
    aside = np.sqrt(to_other @ to_other - along**2)
    return bool(along < np.linalg.norm(sight) and aside < SPHERE_RADII_MM[1])


class TestSpheres:
    pytestmark = gl

    @pytest.mark.parametrize(("azimuth", "elevation"), [(-20.0, 15.0), (70.0, -30.0), (180.0, 0.0)])
    def test_every_sphere_is_found_at_its_own_centre_through_the_liver_around_it(
        self, view, overlay, azimuth, elevation
    ):
        bounds = [0.0] * 6
        overlay.segmentation.GetRASBounds(bounds)
        view.look(bounds, azimuth, elevation)
        view.pixels()
        regions = overlay.regions
        free = [r for r in regions if not any(is_in_front(view, o, r) for o in regions if o is not r)]
        assert len(free) >= 3
        for region in free:
            place = projected(view, region.centroid)
            assert region_at_display_position(Widget(view), overlay, *place) == region.id

    def test_of_two_spheres_in_line_the_nearer_is_found(self, view, overlay):
        near, far = overlay.regions[1], overlay.regions[2]
        direction = np.subtract(far.centroid, near.centroid)
        camera = view.renderer.GetActiveCamera()
        camera.SetFocalPoint(near.centroid)
        camera.SetPosition(near.centroid - 4 * direction)
        view.renderer.ResetCameraClippingRange()
        view.pixels()
        place = projected(view, far.centroid)
        assert region_at_display_position(Widget(view), overlay, *place) == near.id

    def test_beside_the_spheres_there_is_nothing_though_the_liver_is_there(self, view, overlay):
        centres = [projected(view, region.centroid) for region in overlay.regions]
        points = [(x, y) for x in range(2, SIZE[0], 16) for y in range(2, SIZE[1], 16)]
        beside = [p for p in points if min(np.hypot(*np.subtract(p, centre)) for centre in centres) > 25]
        assert {region_at_display_position(Widget(view), overlay, *point) for point in beside} == {None}

    def test_hidden_spheres_are_not_found(self, view, overlay):
        place = projected(view, overlay.regions[1].centroid)
        show_nodes(overlay, False)
        view.pixels()
        assert region_at_display_position(Widget(view), overlay, *place) is None


def regions_at_random_voxels(prediction, overlay, count=300):
    """Pairs of what the label map says and what is found at the same place."""
    labels, geometry = sitk.GetArrayViewFromImage(prediction.regions), Geometry.of(prediction.regions)
    ids = {node.label: node.id for node in prediction.nodes}
    everywhere = np.argwhere(np.ones(labels.shape))
    of_each = [np.argwhere(labels == label) for label in ids]
    generator = np.random.default_rng(0)
    for voxels in (everywhere, *of_each):
        for index in generator.choice(voxels, count // len(of_each)):
            point = to_ras(geometry.to_world(index[::-1] + generator.uniform(-0.4, 0.4, 3)))
            yield ids.get(int(labels[tuple(index)])), region_at(overlay, point)


@pytest.mark.parametrize("turn", [None, np.diag([-1.0, 1.0, -1.0]), np.array([(0, 1, 0), (0, 0, 1), (1, 0, 0)])])
def test_the_region_at_a_point_is_that_of_the_label_map(scene, make_phantom, turn):
    phantom = make_phantom(direction=turn)
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    pairs = list(regions_at_random_voxels(phantom.prediction, overlay))
    assert {expected for expected, _ in pairs} == {None, *(node.id for node in phantom.prediction.nodes)}
    assert [found for _, found in pairs] == [expected for expected, _ in pairs]


def test_so_it_is_in_a_reopened_scene(scene, phantom, tmp_path):
    build_overlay(scene, phantom.prediction, phantom.images)
    (overlay,) = open_bundle(scene, write_bundle(scene, tmp_path / "scene.mrb"))
    assert all(expected == found for expected, found in regions_at_random_voxels(phantom.prediction, overlay))


def test_a_region_that_was_moved_is_found_where_it_is_shown(scene, overlay):
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 500.0)
    transform = scene.AddNode(slicer.vtkMRMLLinearTransformNode())
    transform.SetMatrixTransformToParent(matrix)
    centroid = np.array(overlay.regions[1].centroid)
    assert region_at(overlay, centroid) == "lesion_1"
    overlay.segmentation.SetAndObserveTransformNodeID(transform.GetID())
    assert region_at(overlay, centroid) is None
    assert region_at(overlay, centroid + np.array((500.0, 0.0, 0.0))) == "lesion_1"
