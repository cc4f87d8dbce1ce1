import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.setup.installed import (
    RECORD_NAME,
    cached_models,
    installed_versions,
    read_record,
    removable,
    removal_arguments,
    remove_models,
    update_record,
)

environments = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]))


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record"


def test_ours_is_what_was_not_there_before(slicer, record):
    before = installed_versions(slicer.path)
    slicer.add("monai", "1.6.1")
    slicer.add("MarkupSafe", "3.0.4")
    assert update_record(record, before, installed_versions(slicer.path)) == {"monai": "1.6.1", "markupsafe": "3.0.4"}
    assert removable(record, slicer.path) == ("markupsafe", "monai")


def test_torch_that_was_there_before_is_never_removed(slicer, record):
    slicer.add("torch", "2.13.0+cu130")
    before = installed_versions(slicer.path)
    slicer.add("einops", "0.8.2")
    update_record(record, before, installed_versions(slicer.path))
    assert removable(record, slicer.path) == ("einops",)


def test_an_upgrade_of_what_is_ours_stays_ours_and_of_what_is_not_does_not_become_so(record):
    update_record(record, {"theirs": "1"}, {"theirs": "1", "ours": "1"})
    update_record(record, {"theirs": "1", "ours": "1"}, {"theirs": "2", "ours": "2"})
    assert read_record(record) == {"ours": "2"}


def test_what_someone_else_replaced_is_no_longer_ours(slicer, record):
    update_record(record, {}, {"einops": "0.8.1"})
    slicer.add("einops", "0.8.2")
    assert removable(record, slicer.path) == ()


def test_what_someone_else_needs_stays_and_all_that_it_stands_on(slicer, record):
    before = installed_versions(slicer.path)
    slicer.add("tqdm", "4.70.1")
    slicer.add("jinja2", "3.1.6", ("MarkupSafe>=2.0",))
    slicer.add("markupsafe", "3.0.4")
    slicer.add("torch", "2.13.0", ("jinja2", "sympy; extra == 'all'"))
    slicer.add("sympy", "1.14")
    update_record(record, before, installed_versions(slicer.path))
    slicer.add("totalsegmentator", "2.9", ("torch>=2",))
    assert removable(record, slicer.path) == ("sympy", "tqdm")


def test_what_someone_else_needs_as_an_extra_stays(slicer, record):
    """As torch asks for the libraries of NVIDIA."""
    before = installed_versions(slicer.path)
    slicer.add("toolkit", "13.0", ("nvidia-blas; extra == 'blas'", "nvidia-fft; extra == 'fft'"))
    slicer.add("nvidia-blas", "1")
    slicer.add("nvidia-fft", "1")
    update_record(record, before, installed_versions(slicer.path))
    slicer.add("torch", "2.13.0", ("toolkit[blas]==13.0",))
    assert removable(record, slicer.path) == ("nvidia-fft",)


def test_packages_that_need_each_other_can_all_go(slicer, record):
    before = installed_versions(slicer.path)
    slicer.add("torch", "2.13.0", ("toolkit", "not a requirement"))
    slicer.add("toolkit", "13.0", ("torch",))
    update_record(record, before, installed_versions(slicer.path))
    slicer.add("reactkd", "0.1.0", ("torch>=2.8",))
    assert removable(record, slicer.path) == ("toolkit", "torch")


def test_packages_of_slicer_stay_whatever_the_record_says(slicer, record):
    update_record(record, {}, installed_versions(slicer.path))
    assert removable(record, slicer.path) == ()


@given(steps=st.lists(environments, min_size=2, max_size=6))
def test_the_record_never_claims_what_is_not_there_or_was_there_from_the_start(steps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    for before, after in pairwise(steps):
        ours = update_record(folder, before, after)
        assert ours.items() <= after.items()
    always = set.intersection(*(set(step) for step in steps))
    assert always.isdisjoint(ours)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_a_record_that_nobody_can_read_claims_nothing(record, slicer, text):
    record.mkdir()
    (record / RECORD_NAME).write_text(text)
    assert removable(record, slicer.path) == ()


def test_the_record_names_packages_and_versions_only(record):
    update_record(record, {}, {"einops": "0.8.2"})
    assert [path.name for path in record.iterdir()] == [RECORD_NAME]
    assert json.loads((record / RECORD_NAME).read_text()) == {"einops": "0.8.2"}


def test_pip_removes_without_a_question_and_is_not_asked_for_nothing():
    arguments = removal_arguments(("monai", "tqdm"))
    assert arguments[:4] == ("-m", "pip", "uninstall", "--yes")
    assert arguments[-2:] == ("monai", "tqdm")
    assert removal_arguments(()) == ()


def test_only_model_folders_are_deleted_from_the_cache(tmp_path):
    cache = tmp_path / "cache"
    for name in ("student", "teacher", "notes"):
        (cache / name).mkdir(parents=True)
    (cache / "student" / "model.json").touch()
    (cache / "teacher" / "model.json").touch()
    (cache / "notes" / "mine.txt").touch()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "model.json").touch()
    (cache / "link").symlink_to(tmp_path / "own")
    assert [path.name for path in cached_models(cache)] == ["student", "teacher"]
    assert remove_models(cache) == ("student", "teacher")
    assert sorted(path.name for path in cache.iterdir()) == ["link", "notes"]
    assert (tmp_path / "own" / "model.json").exists()


def test_a_cache_that_was_never_made_is_empty(tmp_path):
    assert remove_models(tmp_path / "none") == ()
