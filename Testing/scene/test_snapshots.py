"""Pictures: where things are in them, and what colour they have."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from REACTKDLib.inference.slice_pictures import slice_pictures
from REACTKDLib.scene import export
from REACTKDLib.scene.annotation import add_lesion_names, edge_letters, grade_text, slice_position
from REACTKDLib.scene.bundle import open_bundle
from REACTKDLib.scene.display import show_class, show_in_slice
from REACTKDLib.scene.export import export_scene
from REACTKDLib.scene.overlay import build_overlay
from REACTKDLib.scene.snapshots import slice_picture, take_snapshots, three_d_picture
from REACTKDLib.scene.views import SliceView, ThreeDView

SIZE = (240, 240)
ROOT = Path(__file__).parents[2]

gl = [pytest.mark.gl, pytest.mark.usefixtures("display")]


def orange(picture):
    """Pixels coloured for the class: (H, W), bool."""
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    return (red > blue + 60) & (red > green + 20)


def blue(picture):
    red, _, blue = picture.astype(int).transpose(2, 0, 1)
    return blue > red + 60


def without_yellow(picture):
    """Without the outline of the most attended lesion in the report's pictures."""
    return np.where(((picture[..., 1] > 150) & (picture[..., 2] < 110))[..., None], 0, picture)


def middle(mask):
    """Row and column."""
    return np.argwhere(mask).mean(0)


@pytest.fixture
def plain_slice(scene):
    """A slice of an overlay through a region, with nothing written on it."""

    def render(overlay, orientation, region_id, size=SIZE):
        view = SliceView(scene, orientation, size)
        try:
            show_in_slice(overlay, view.composite)
            view.fit(next(region.slice_point for region in overlay.regions if region.id == region_id))
            return view.pixels()
        finally:
            view.close(scene)

    return render


class TestSlices:
    pytestmark = gl

    @pytest.mark.parametrize("orientation", ["Axial", "Coronal"])
    def test_the_lesion_on_the_patients_right_is_on_the_pictures_left(self, overlay, plain_slice, orientation):
        mask = orange(plain_slice(overlay, orientation, "lesion_1"))
        assert mask.sum() > 100
        assert middle(mask)[1] < SIZE[0] * 0.4

    @pytest.mark.parametrize("turn", [np.diag([-1.0, -1.0, -1.0]), np.array([(0, 1, 0), (0, 0, 1), (1, 0, 0)])])
    def test_so_it_is_however_the_voxels_are_stored(self, scene, make_phantom, plain_slice, turn):
        phantom = make_phantom(direction=turn, size=(70, 70, 70), spacing=(5.0, 5.0, 5.0))
        overlay = build_overlay(scene, phantom.prediction, phantom.images)
        for orientation in ("Axial", "Coronal"):
            assert middle(orange(plain_slice(overlay, orientation, "lesion_1")))[1] < SIZE[0] * 0.4

    def test_anterior_is_up_in_axial_and_superior_in_coronal(self, overlay, plain_slice):
        spine = plain_slice(overlay, "Axial", "lesion_1").min(-1) > 240
        assert spine.sum() > 50
        assert middle(spine)[0] > SIZE[1] * 0.6
        anterior = blue(plain_slice(overlay, "Axial", "lesion_2"))
        assert middle(anterior)[0] < SIZE[1] / 2
        superior, inferior = (
            middle(mask(plain_slice(overlay, "Coronal", name)))[0]
            for mask, name in ((orange, "lesion_1"), (blue, "lesion_2"))
        )
        assert superior < inferior

    def test_the_overlay_covers_the_lesion_and_spares_the_liver(self, overlay, phantom, plain_slice):
        shown = orange(plain_slice(overlay, "Axial", "lesion_1")).sum()
        labels = sitk.GetArrayFromImage(phantom.prediction.regions)
        z = int(np.argwhere(labels == 2)[:, 0].mean().round())
        # The CT's width, 96 voxels, fills the picture; its voxels are square.
        pixels_per_voxel = (SIZE[0] / phantom.images.ct.GetSize()[0]) ** 2
        lesion, liver = ((labels[z] == label).sum() * pixels_per_voxel for label in (2, 1))
        assert 0.7 * lesion < shown < lesion + 0.15 * liver

    def test_another_class_turns_its_lesion_blue(self, overlay, plain_slice):
        show_class(overlay, 0)
        picture = plain_slice(overlay, "Axial", "lesion_1")
        assert blue(picture).sum() > 100
        assert not orange(picture).any()

    @pytest.mark.parametrize(("orientation", "letters"), [("Axial", "RLPA"), ("Coronal", "RLIS"), ("Sagittal", "APIS")])
    def test_letters_say_where_the_patient_is(self, scene, overlay, orientation, letters):
        view = SliceView(scene, orientation, SIZE)
        assert "".join(edge_letters(view.node).values()) == letters
        view.close(scene)

    def test_slices_lie_where_those_of_the_report_do(self, scene, phantom, overlay):
        for picture in slice_pictures(phantom.prediction, phantom.images.ct, {}):
            view = SliceView(scene, picture.name.capitalize(), SIZE)
            view.fit(overlay.most_attended.slice_point)
            orientation, position = slice_position(view.node).split(", ")
            assert picture.caption.startswith(f"{orientation} CT through Lesion 1 ({position})")
            view.close(scene)

    def test_attention_has_the_colour_that_it_has_in_the_report(self, overlay, phantom, plain_slice):
        """Where it is strongest; over the same CT, but of oranges that differ a little."""
        report = slice_pictures(phantom.prediction, phantom.images.ct, {})[0]
        ours = plain_slice(overlay, "Axial", "lesion_1", (480, 480)).astype(int)
        theirs = np.asarray(Image.open(io.BytesIO(report.png)), dtype=int)
        warmest = [np.percentile(picture[..., 0] - picture[..., 2], 99.5) for picture in (ours, without_yellow(theirs))]
        assert warmest[0] == pytest.approx(warmest[1], rel=0.25)

    def test_the_names_of_the_lesions_stand_at_their_outlines(self, scene, overlay):
        view = SliceView(scene, "Axial", SIZE)
        view.fit(next(region.slice_point for region in overlay.regions if region.id == "lesion_1"))
        add_lesion_names(view, overlay, 12)
        names = [actor.GetInput() for actor in view.renderer.GetViewProps() if actor.IsA("vtkTextActor")]
        view.close(scene)
        assert names == ["Lesion 1"], "the only one that this slice cuts"

    def test_the_position_of_a_slice_is_signed_by_a_letter(self, scene, overlay):
        view = SliceView(scene, "Axial", SIZE)
        view.fit((0, 0, -12.5))
        assert slice_position(view.node) == "Axial, I 12.5 mm"
        view.close(scene)


class TestThreeD:
    pytestmark = gl

    def test_the_lesion_shows_through_the_liver_on_the_pictures_left(self, overlay):
        picture = three_d_picture(overlay, SIZE)
        mask = orange(picture)[:, : SIZE[0]]
        mask[: SIZE[1] // 2, SIZE[0] * 3 // 4 :] = False  # the colour bar
        assert mask.sum() > 150
        assert middle(mask)[1] < SIZE[0] / 2

    def test_the_liver_fills_the_view_without_leaving_it(self, scene, overlay):
        view = ThreeDView(scene, SIZE)
        bounds = [0.0] * 6
        overlay.segmentation.GetRASBounds(bounds)
        view.look(bounds, 0.0, 0.0)
        overlay.segmentation.SetDisplayVisibility(True)
        shown = view.pixels().astype(int)
        overlay.segmentation.SetDisplayVisibility(False)
        changed = np.abs(shown - view.pixels()).max(-1) > 12
        view.close(scene)
        rows, columns = np.argwhere(changed).T
        assert columns.min() > 0
        assert columns.max() < SIZE[0] - 1
        assert max(np.ptp(rows) / SIZE[1], np.ptp(columns) / SIZE[0]) > 0.6

    def test_the_liver_does_not_hide_what_is_in_it(self, overlay):
        with_liver = orange(three_d_picture(overlay, SIZE)).sum()
        overlay.segmentation.GetDisplayNode().SetSegmentVisibility("liver", False)
        assert with_liver > 0.6 * orange(three_d_picture(overlay, SIZE)).sum()


class TestSnapshots:
    pytestmark = gl

    def test_five_pictures_are_written_and_the_scene_is_left_as_it_was(self, scene, overlay, tmp_path):
        before = [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]
        pictures = take_snapshots(overlay, tmp_path)
        assert [picture.name for picture in pictures] == ["3d", "axial", "coronal", "sagittal", "four_up"]
        for picture in pictures:
            pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(picture.path)))
            assert pixels.shape == ((1442, 1922, 3) if picture.name == "four_up" else (720, 960, 3))
            assert pixels.std() > 10
            assert picture.caption
        assert [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())] == before

    def test_a_reopened_scene_gives_the_same_picture(self, scene, phantom, tmp_path):
        export_scene(phantom.prediction, phantom.images, tmp_path, snapshots=False)
        (overlay,) = open_bundle(scene, tmp_path / "scene.mrb")
        again = slice_picture(overlay, "Axial", SIZE).astype(int)
        scene.Clear(0)
        first = slice_picture(build_overlay(scene, phantom.prediction, phantom.images), "Axial", SIZE).astype(int)
        assert (np.abs(again - first).max(-1) > 8).mean() < 0.002


class TestExport:
    def test_without_opengl_the_scene_is_still_written(self, monkeypatch, host, phantom, tmp_path):
        monkeypatch.setattr(export, "can_render", lambda: (False, "no OpenGL"))
        assert export_scene(phantom.prediction, phantom.images, tmp_path) == []
        (overlay,) = open_bundle(host.scene, tmp_path / "scene.mrb")
        assert overlay.case == "phantom-1"

    def test_a_process_of_its_own_reports_in_one_line_of_json(self, phantom, tmp_path):
        phantom.prediction.write(tmp_path)
        sitk.WriteImage(phantom.images.ct, str(tmp_path / "ct.nii.gz"))
        sitk.WriteImage(phantom.images.pet["fdg"], str(tmp_path / "pet.nii.gz"))
        run = run_export(
            tmp_path, "--ct", tmp_path / "ct.nii.gz", "--pet-fdg", tmp_path / "pet.nii.gz", "--no-snapshots"
        )
        assert run.returncode == 0, run.stderr
        result = json.loads(run.stdout.splitlines()[-1])
        assert result["pictures"] == []
        assert Path(result["bundle"]).stat().st_size > 10_000

    def test_a_ct_that_cannot_be_read_is_an_error_a_program_understands(self, phantom, tmp_path):
        phantom.prediction.write(tmp_path)
        run = run_export(tmp_path, "--ct", tmp_path / "missing.nii.gz")
        assert run.returncode == 1
        assert json.loads(run.stdout.splitlines()[-1])["error"]["code"] == "image_not_readable"


def run_export(*arguments):
    command = [sys.executable, "-m", "REACTKDLib.scene.export", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_the_grade_is_written_with_its_probability(overlay):
    assert grade_text(overlay) == "Poorly differentiated  65%"


def test_an_uncertain_grade_is_called_so(scene, phantom):
    overlay = build_overlay(scene, replace(phantom.prediction, abstain=True), phantom.images)
    assert "Below the threshold" in grade_text(overlay)
