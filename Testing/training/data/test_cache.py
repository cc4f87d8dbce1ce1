import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.inference.case_files import CaseFiles
from Testing.training.data.phantom_cohort import QUICK, cohort_in, write_cohort
from training.cohorts.errors import CohortError
from training.cohorts.manifest import Cohort, CohortCase, write_manifest
from training.data import cache_settings
from training.data.cache import Cache, build_cache, open_cache
from training.data.cache_settings import fingerprint
from training.data.commands import preprocess_cohort

COUNT = 3
FULL = Path("/dev/full")


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Folder with images/ of a cohort and the cache/ made from them; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("made")
    build_cache(write_cohort(folder / "images", COUNT), folder / "cache", QUICK)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """A copy, whose files have the times of change of the original."""
    return shutil.copytree(made, tmp_path / "copy")


@pytest.fixture
def cohort(folder) -> Cohort:
    return cohort_in(folder / "images", COUNT)


def files_of(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(cache.iterdir())}


def times_of(cache: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in cache.glob("*.safetensors")}


def made_anew(cache: Path, before: dict[str, int]) -> set[str]:
    return {name for name, at in times_of(cache).items() if before.get(name) != at}


def rebuilt(cohort: Cohort, folder: Path, settings=QUICK) -> set[str]:
    """Names of the entries that another call makes."""
    before = times_of(folder / "cache")
    build_cache(cohort, folder / "cache", settings)
    return made_anew(folder / "cache", before)


def changed(cohort: Cohort, name: str, **files) -> Cohort:
    """With other files for one case."""
    cases = [replace(case, files=replace(case.files, **files)) if case.name == name else case for case in cohort.cases]
    return replace(cohort, cases=tuple(cases))


def with_files(cohort: Cohort, name: str, kind: type[CaseFiles]) -> Cohort:
    cases = [replace(case, files=kind(**vars(case.files))) if case.name == name else case for case in cohort.cases]
    return replace(cohort, cases=tuple(cases))


def test_a_cache_knows_its_cases_in_the_cohorts_order_and_its_size_on_disk(cohort, folder):
    cache = build_cache(cohort, folder / "cache", QUICK)
    assert cache.names == ("case0", "case1", "case2")
    assert cache.bytes == sum(len(content) for content in files_of(folder / "cache").values())
    assert set(cache.read("case1").images) == {"ct", "ct_severe", "fdg", "act"}


def test_what_is_done_is_not_done_again_also_where_the_cohort_has_moved(cohort, folder):
    assert rebuilt(cohort, folder) == set()


def test_entries_do_not_depend_on_other_cases_their_order_or_the_processes(cohort, folder, tmp_path):
    turned = replace(cohort, cases=(cohort.cases[2], cohort.cases[0]))
    assert build_cache(turned, tmp_path / "other", QUICK, jobs=2).names == ("case2", "case0")
    made = files_of(folder / "cache")
    assert files_of(tmp_path / "other") == {name: made[name] for name in made if "case1" not in name}


@pytest.mark.parametrize("role", ["ct", "liver", "tumor", "pet_fdg"])
def test_a_case_whose_file_has_changed_is_made_again_and_no_other(cohort, folder, role, capsys):
    os.utime(getattr(cohort.cases[1].files, role), ns=(0, 1))
    assert rebuilt(cohort, folder) == {"case1"}
    assert "case1" in capsys.readouterr().err


def test_a_case_that_loses_its_pet_is_made_again(cohort, folder):
    assert rebuilt(changed(cohort, "case0", pet_fdg=None), folder) == {"case0"}


@pytest.mark.parametrize(
    "settings",
    [
        replace(QUICK, seed=1),
        replace(QUICK, levels=("mild",)),
        replace(QUICK, scanner=replace(QUICK.scanner, photons=1e5)),
        replace(QUICK, preprocessing=replace(QUICK.preprocessing, margin_mm=10.0)),
    ],
    ids=["seed", "levels", "scanner", "preprocessing"],
)
def test_entries_of_other_settings_are_never_used(cohort, folder, settings):
    before = open_cache(cohort, folder / "cache", QUICK)
    with pytest.raises(CohortError) as caught:
        open_cache(cohort, folder / "cache", settings)
    assert caught.value.code == "incomplete_cache"
    assert rebuilt(cohort, folder, settings) == {"case0", "case1", "case2"}
    with pytest.raises(CohortError) as caught:
        before.read("case0")
    assert caught.value.code == "outdated_entry"


def test_entries_of_an_earlier_version_of_preprocessing_are_never_used(cohort, folder, monkeypatch, capsys):
    monkeypatch.setattr(cache_settings, "SCHEMA", cache_settings.SCHEMA + 1)
    with pytest.raises(CohortError) as caught:
        open_cache(cohort, folder / "cache", QUICK)
    assert caught.value.code == "incomplete_cache"
    assert rebuilt(cohort, folder) == {"case0", "case1", "case2"}
    assert "earlier version" in capsys.readouterr().err


def test_the_constants_of_a_fold_never_enter_the_cache(cohort, folder):
    constants = replace(QUICK.preprocessing, ct_mean=0.1, ct_std=0.9)
    assert rebuilt(cohort, folder, replace(QUICK, preprocessing=constants)) == set()


def test_a_slice_more_in_a_dicom_folder_is_a_change(tmp_path):
    (tmp_path / "slices").mkdir()
    (tmp_path / "slices" / "1.dcm").write_bytes(b"one")
    files = CaseFiles(name="a", ct=tmp_path / "slices", liver=tmp_path / "absent.nii.gz")
    before = fingerprint(files, QUICK)
    assert fingerprint(files, QUICK) == before
    (tmp_path / "slices" / "2.dcm").write_bytes(b"two")
    assert fingerprint(files, QUICK) != before
    assert fingerprint(replace(files, acquisition=2), QUICK) != fingerprint(files, QUICK)


@pytest.mark.parametrize(("header", "voxels"), [("ct.hdr", "ct.img"), ("ct.mhd", "ct.raw")])
def test_voxels_that_change_beside_a_header_are_a_change(tmp_path, header, voxels):
    (tmp_path / header).write_text("ElementDataFile = ct.raw\n")
    (tmp_path / voxels).write_bytes(b"one")
    files = CaseFiles(name="a", ct=tmp_path / header)
    before = fingerprint(files, QUICK)
    os.utime(tmp_path / voxels, ns=(0, 1))
    assert fingerprint(files, QUICK) != before


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "file"),
    [(truncate, "case1.safetensors"), (flip, "case1.safetensors"), (Path.unlink, "case1.safetensors"),
     (truncate, "case1.json")],
)  # fmt: skip
def test_a_damaged_entry_is_refused_when_read_and_made_anew_with_one_line(cohort, folder, capsys, damage, file):
    cache, before = build_cache(cohort, folder / "cache", QUICK), files_of(folder / "cache")
    path = folder / "cache" / file
    damage(path)
    with pytest.raises(CohortError) as caught:
        cache.read("case1")
    assert caught.value.code == "damaged_entry"
    assert "Start again" in caught.value.hint
    capsys.readouterr()
    assert rebuilt(cohort, folder) == {"case1"}
    told = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(told) == 1
    assert "case1" in told[0]
    assert files_of(folder / "cache") == before


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_flipped_bit_goes_unnoticed(made, tmp_path_factory, data):
    original = made / "cache" / "case0.safetensors"
    content = bytearray(original.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    place = tmp_path_factory.mktemp("flipped")
    (place / "case0.safetensors").write_bytes(content)
    shutil.copy(made / "cache" / "case0.json", place)
    fingerprints = open_cache(cohort_in(made / "images", COUNT), made / "cache", QUICK).fingerprints
    with pytest.raises(CohortError):
        Cache(place, fingerprints).read("case0")


def test_a_case_that_was_never_preprocessed_is_not_in_the_cache(cohort, folder):
    with pytest.raises(CohortError) as caught:
        open_cache(cohort, folder / "cache", QUICK).read("case9")
    assert caught.value.code == "unknown_case"


def test_a_cache_goes_to_other_processes_without_its_images(cohort, folder):
    cache = open_cache(cohort, folder / "cache", QUICK)
    sent = pickle.dumps(cache)
    assert len(sent) < 200 * COUNT + 400
    assert pickle.loads(sent).read("case2").labels == cache.read("case2").labels


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("file", ["case1.safetensors", "case1.json"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_is_said_leaves_nothing_half_written_and_keeps_what_is_done(cohort, folder, file, jobs):
    for case in cohort.cases[1:]:
        os.utime(case.files.ct, ns=(0, 1))
    before = files_of(folder / "cache")
    for name in (file, file.replace("case1", "case2")):
        (folder / "cache" / f".{name}").symlink_to(FULL)
    with pytest.raises(CohortError, match="No space left on device") as caught:
        build_cache(cohort, folder / "cache", QUICK, jobs)
    assert caught.value.code == "output_not_writable"
    assert "what is done is kept" in caught.value.hint
    left = list((folder / "cache").glob(".*"))
    # Of a case that failed there is nothing; one process does not begin the other.
    assert len(left) == 2 - jobs
    for path in left:
        assert path.is_symlink()
        path.unlink()
    assert files_of(folder / "cache") == before
    assert rebuilt(cohort, folder) == {"case1", "case2"}


def test_a_cache_below_a_file_is_refused(cohort, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CohortError) as caught:
        build_cache(cohort, tmp_path / "file" / "cache", QUICK)
    assert caught.value.code == "output_not_writable"


@pytest.mark.parametrize("jobs", [1, 2])
def test_cases_that_cannot_be_read_are_listed_once_all_others_are_made(cohort, folder, jobs):
    secret = folder / "SMITH^JOHN.nii.gz"
    secret.write_bytes(b"no image")
    bad = changed(cohort, "case0", ct=secret, liver=folder / "gone" / "SMITH^JANE.nii.gz")
    bad = changed(bad, "case2", liver=folder / "SMITH^JIM.nii.gz")
    shutil.rmtree(folder / "cache")
    with pytest.raises(CohortError) as caught:
        build_cache(bad, folder / "cache", QUICK, jobs)
    assert caught.value.code == "cases_failed"
    assert "2 of 3 cases" in caught.value.message
    assert "case0: unreadable: The CT cannot be read as an image." in caught.value.message
    assert "case2: missing_file: The liver mask does not exist." in caught.value.message
    assert "SMITH" not in str(caught.value)
    assert str(folder) not in str(caught.value)
    assert set(times_of(folder / "cache")) == {"case1"}
    assert rebuilt(cohort, folder) == {"case0", "case2"}


def test_what_nobody_foresaw_in_a_case_does_not_stop_the_others_either(cohort, folder):
    class Broken(CaseFiles):
        def read(self):
            raise RuntimeError(f"ITK: {self.ct}: broken")

    shutil.rmtree(folder / "cache")
    with pytest.raises(CohortError) as caught:
        build_cache(with_files(cohort, "case0", Broken), folder / "cache", QUICK)
    assert "case0: internal: RuntimeError: ITK: (CT): broken" in caught.value.message
    assert set(times_of(folder / "cache")) == {"case1", "case2"}


def test_a_process_that_the_system_kills_is_said_and_what_is_done_stays_done(cohort, folder):
    class Killed(CaseFiles):
        def read(self):
            os.kill(os.getpid(), signal.SIGKILL)

    (folder / "cache" / "case2.json").unlink()
    before = times_of(folder / "cache")
    bad = with_files(changed(cohort, "case0", tumor=None), "case2", Killed)
    with pytest.raises(CohortError) as caught:
        build_cache(bad, folder / "cache", QUICK, jobs=2)
    assert caught.value.code == "worker_killed"
    assert "of 3 cases are done" in caught.value.message
    assert "fewer jobs" in caught.value.hint
    assert times_of(folder / "cache")["case1"] == before["case1"]
    assert "case1" not in rebuilt(cohort, folder)


def killed_at(renaming: int, images: Path, cache: Path, options) -> None:
    """Builds a cache in a process of its own that is killed before it renames a file for the n-th time."""
    script = f"""
import os, signal
from pathlib import Path
from REACTKDLib.imaging.spec import PreprocessingSpec
from Testing.training.data.phantom_cohort import cohort_in
from training.data.cache import CacheSettings, build_cache
from training.dose.settings import ScannerSettings

count, rename = 0, Path.replace

def replace(path, target):
    global count
    count += 1
    if count == {renaming}:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(path, target)

Path.replace = replace
build_cache(cohort_in(Path({str(images)!r}), {COUNT}), Path({str(cache)!r}), {options!r})
"""
    project = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", script], cwd=project, stderr=subprocess.DEVNULL, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("renaming", "done"), [(2, set()), (5, {"case0", "case1"})], ids=["in an entry", "later"])
def test_killed_in_the_middle_the_same_call_goes_on_to_the_same_entries(cohort, folder, tmp_path, renaming, done):
    resumed = tmp_path / "resumed"
    killed_at(renaming, folder / "images", resumed, QUICK)
    before = {name: at for name, at in times_of(resumed).items() if name in done}
    build_cache(cohort, resumed, QUICK)
    assert made_anew(resumed, before) == {"case0", "case1", "case2"} - done
    assert files_of(resumed) == files_of(folder / "cache")


def test_killed_while_an_entry_is_replaced_neither_half_is_taken_for_a_whole(cohort, folder):
    before = files_of(folder / "cache")
    other = replace(QUICK, seed=1)
    killed_at(2, folder / "images", folder / "cache", other)
    for wanted in (QUICK, other):
        with pytest.raises(CohortError):
            open_cache(cohort, folder / "cache", wanted)
    build_cache(cohort, folder / "cache", QUICK)
    assert files_of(folder / "cache") == before


def test_the_command_says_how_many_cases_there_are_and_how_large_they_are(cohort, folder, capsys):
    manifest = folder / "cohort.csv"
    write_manifest([replace(case, grade=None) for case in cohort.cases], manifest)
    preprocess_cohort(manifest, folder / "new", replace(QUICK, levels=()))
    told = capsys.readouterr()
    size = sum(path.stat().st_size for path in (folder / "new").iterdir()) / 1e6
    assert f"3 cases, {size:.1f} MB" in told.out
    assert "3/3" in told.err


def test_the_command_says_what_is_doubtful(cohort, folder, capsys):
    manifest = folder / "cohort.csv"
    cases = [CohortCase(patient=c.patient, group=c.group, grade=1, files=c.files) for c in cohort.cases]
    write_manifest([replace(cases[0], files=replace(cases[0].files, tumor=None)), *cases[1:]], manifest)
    preprocess_cohort(manifest, folder / "cache", replace(QUICK, levels=()))
    assert "finding: no_lesion in 1 case\n" in capsys.readouterr().out
