import sys

import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom
from training.cli import main
from training.cohorts.manifest import read_manifest


@pytest.fixture
def run(monkeypatch):
    """`reactkd-train` with these arguments; returns its exit status."""

    def run(*arguments) -> int:
        monkeypatch.setattr(sys, "argv", ["reactkd-train", *map(str, arguments)])
        try:
            main()
        except SystemExit as exit_:
            return exit_.code
        return 0

    return run


@pytest.fixture
def phantoms(tmp_path):
    """Two phantoms with a cohort.csv, as `reactkd phantom` leaves them."""
    lines = ["case,ct,segmentation"]
    for seed in (3, 4):
        write_phantom(make_phantom(seed, settings=PhantomSettings.coarse()), tmp_path / f"ph{seed}")
        lines.append(f"ph{seed},ph{seed}/ct.nii.gz,ph{seed}/segmentation.seg.nrrd")
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    return tmp_path


def test_phantoms_become_a_manifest_whose_images_pass_the_check(run, phantoms, tmp_path, capsys):
    manifest = tmp_path / "manifest.csv"
    assert run("manifest", "phantom", phantoms, "--out", manifest) == 0
    assert len(read_manifest(manifest).cases) == 2
    assert run("check", manifest, "--images") == 0
    assert "2 cases of 2 patients" in capsys.readouterr().out


def test_a_manifest_that_was_changed_by_hand_is_not_replaced(run, phantoms, tmp_path, capsys):
    manifest = tmp_path / "manifest.csv"
    assert [run("manifest", "phantom", phantoms, "--out", manifest) for _ in range(2)] == [0, 0]
    manifest.write_text(own := manifest.read_text().replace("ph4,ph4", "P04,ph4"))
    assert run("manifest", "phantom", phantoms, "--out", manifest) == 2
    assert "changed by hand" in capsys.readouterr().err
    assert manifest.read_text() == own


def test_a_bad_manifest_exits_with_2_and_names_the_line(run, phantoms, tmp_path, capsys):
    manifest = tmp_path / "manifest.csv"
    run("manifest", "phantom", phantoms, "--out", manifest)
    manifest.write_text(manifest.read_text().replace("ph4/ct.nii.gz", "gone.nii.gz"))
    assert run("check", manifest) == 2
    told = capsys.readouterr()
    assert "line 3, ct 'gone.nii.gz'" in told.out
    assert "bad_manifest" in told.err


def test_a_liver_mask_that_lies_beside_its_ct_is_named_when_images_are_checked(run, phantoms, tmp_path, capsys):
    ct = sitk.ReadImage(str(phantoms / "ph4" / "ct.nii.gz"))
    mask = sitk.Cast(ct > 0, sitk.sitkUInt8)
    x, y, z = mask.GetOrigin()
    mask.SetOrigin((x, y, z + 2000.0))
    sitk.WriteImage(mask, str(tmp_path / "moved.nii.gz"))
    lines = [
        "patient,case,ct,liver,segmentation,grade",
        "p3,c3,ph3/ct.nii.gz,,ph3/segmentation.seg.nrrd,0",
        "p4,c4,ph4/ct.nii.gz,moved.nii.gz,,1",
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    assert run("check", tmp_path / "manifest.csv") == 0
    capsys.readouterr()
    assert run("check", tmp_path / "manifest.csv", "--images") == 2
    told = capsys.readouterr()
    assert "c3: ok" in told.out
    assert "c4: failed, liver_outside_ct" in told.out
    assert "bad_manifest" in told.err
    assert "1 cases that cannot be read" in told.err


@pytest.mark.parametrize(
    ("source", "where"), [("hcc-tace-seg", "10.7937/TCIA.5FNA-0924"), ("tcga-lihc", "neoplasm_histologic_grade")]
)
def test_a_collection_without_its_table_of_grades_is_refused_with_where_it_is(run, tmp_path, capsys, source, where):
    assert run("manifest", source, tmp_path) == 2
    told = capsys.readouterr().err
    assert "--table" in told
    assert where in told
