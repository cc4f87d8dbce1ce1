import sys

import pytest

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


def test_a_bad_manifest_exits_with_2_and_names_the_line(run, phantoms, tmp_path, capsys):
    manifest = tmp_path / "manifest.csv"
    run("manifest", "phantom", phantoms, "--out", manifest)
    manifest.write_text(manifest.read_text().replace("ph4/ct.nii.gz", "gone.nii.gz"))
    assert run("check", manifest) == 2
    told = capsys.readouterr()
    assert "line 3, ct 'gone.nii.gz'" in told.out
    assert "bad_manifest" in told.err


def test_a_collection_without_its_table_of_grades_is_refused(run, tmp_path, capsys):
    assert run("manifest", "hcc-tace-seg", tmp_path) == 2
    assert "--table" in capsys.readouterr().err
