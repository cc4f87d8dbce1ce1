"""The headless batch inside Slicer, run by ctest; in the host without Slicer by Testing/REACTKD/test_batch_script.py.

Exit status: see `exit_status`.
"""

import runpy
import tempfile
import unittest
from pathlib import Path

import slicer
from exit_status import status_of

import REACTKDLib
from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom


def batch_main():
    """`main` of the script that was installed, or lies in the repository."""
    beside = Path(REACTKDLib.__file__).parents[1]
    places = (folder / "Scripts" / "reactkd_batch.py" for folder in (beside, beside / "REACTKD"))
    return runpy.run_path(str(next(place for place in places if place.is_file())))["main"]


def node_ids():
    return [slicer.mrmlScene.GetNthNode(index).GetID() for index in range(slicer.mrmlScene.GetNumberOfNodes())]


class REACTKDBatchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        slicer.mrmlScene.Clear(0)
        # In Slicer it is always there; elsewhere it is made when it is first asked for.
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        folder = Path(temporary.name)
        write_phantom(make_phantom(5, lesions=2, settings=PhantomSettings.coarse()), folder)
        rows = [f"{name},{ct},segmentation.seg.nrrd\n" for name, ct in (("good", "ct.nii.gz"), ("bad", "none.nii.gz"))]
        (folder / "cohort.csv").write_text("case,ct,segmentation\n" + "".join(rows))
        cls.out = folder / "out"
        cls.before = node_ids()
        arguments = [folder / "cohort.csv", "--out", cls.out, "--device", "cpu", "--scenes", "--snapshots"]
        cls.status = batch_main()([str(argument) for argument in arguments])
        cls.after = node_ids()

    def test_a_bad_case_never_stops_the_rest_and_the_exit_status_tells(self):
        assert self.status == 1
        assert sorted(path.name for path in self.out.iterdir()) == ["good", "summary.csv"]

    def test_the_scene_is_left_as_it_was(self):
        assert self.after == self.before

    def test_pictures_are_made_where_anything_can_be_rendered(self):
        from REACTKDLib.scene.rendering import can_render

        pictures = sorted(path.name for path in (self.out / "good").glob("pictures/*.png"))
        expected = ["3d.png", "axial.png", "coronal.png", "four_up.png", "sagittal.png"]
        assert pictures == (expected if can_render()[0] else [])

    def test_the_saved_scene_opens_with_its_overlay(self):
        from REACTKDLib.scene.bundle import open_bundle

        (overlay,) = open_bundle(slicer.mrmlScene, self.out / "good" / "scene.mrb")
        assert overlay.case == "good"
        slicer.mrmlScene.Clear(0)


if __name__ == "__main__":
    slicer.util.exit(status_of(REACTKDBatchTest))
