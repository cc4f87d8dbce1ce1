import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.tags import Tag

from REACTKDLib.setup.errors import SetupError
from REACTKDLib.setup.manifest import MANIFEST_NAME, read_manifest, verify, write_manifest


@pytest.fixture
def folder(tmp_path, write_wheel):
    """Two wheels and a model."""
    folder = tmp_path / "hospital"
    write_wheel(folder, "einops", "0.8.2")
    write_wheel(folder, "tqdm", "4.70.1")
    (folder / "models" / "demo" / "configs").mkdir(parents=True)
    (folder / "models" / "demo" / "model.json").write_text("{}")
    (folder / "models" / "demo" / "configs" / "metadata.json").write_text("{}")
    write_manifest(folder)
    return folder


def code_of(folder, **options) -> str:
    with pytest.raises(SetupError) as caught:
        verify(folder, **options)
    return caught.value.code


def test_a_folder_as_it_was_made_is_verified_with_its_wheels_and_models(folder):
    manifest = verify(folder)
    assert manifest.wheels == {"einops": "0.8.2", "tqdm": "4.70.1"}
    assert manifest.models == (folder / "models" / "demo",)


def test_the_manifest_holds_the_sha256_and_size_of_every_file(folder):
    files = json.loads((folder / MANIFEST_NAME).read_text())["files"]
    on_disk = {path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME}
    assert {folder / name for name in files} == on_disk
    for name, mark in files.items():
        content = (folder / name).read_bytes()
        assert mark == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_any_bit_that_flips_in_any_file_is_noticed(folder, data):
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*.*") if path.suffix != ".json")))
    original = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(original) - 1))
    changed = bytearray(original)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    try:
        assert code_of(folder) == "hash_differs"
    finally:
        path.write_bytes(original)
    verify(folder)


def test_a_truncated_copy_is_noticed_without_reading_it(folder):
    path = next(folder.glob("einops-*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SetupError, match="einops"):
        read_manifest(folder)


def test_a_file_that_is_missing_is_named(folder):
    (folder / "models" / "demo" / "model.json").unlink()
    with pytest.raises(SetupError, match=r"models/demo/model\.json") as caught:
        verify(folder)
    assert caught.value.code == "file_missing"


def test_a_wheel_that_is_not_in_the_manifest_is_refused(folder, write_wheel):
    write_wheel(folder, "monai", "9.9.9")
    assert code_of(folder) == "extra_file"


def test_what_desktops_leave_behind_does_no_harm(folder):
    for name in (".DS_Store", "._einops-0.8.2-py3-none-any.whl", "Thumbs.db", "models/desktop.ini"):
        (folder / name).touch()
    verify(folder)


def test_a_folder_outside_is_never_reached_by_a_manifest(folder):
    (folder.parent / "secret").write_text("x")
    values = json.loads((folder / MANIFEST_NAME).read_text())
    values["files"]["../secret"] = {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1}
    (folder / MANIFEST_NAME).write_text(json.dumps(values))
    assert code_of(folder) == "file_missing"


def test_wheels_of_another_platform_are_refused_with_both_platforms(tmp_path, write_wheel):
    write_wheel(tmp_path, "einops", "0.8.2", tag="cp312-cp312-win_amd64")
    write_manifest(tmp_path, "3.12")
    linux = [Tag("cp312", "cp312", "manylinux_2_28_x86_64"), Tag("py3", "none", "any")]
    with pytest.raises(SetupError, match=r"Python 3\.12 on .*, and this is Python 3\.") as caught:
        verify(tmp_path, tags=linux)
    assert caught.value.code == "wrong_platform"
    verify(tmp_path, tags=[Tag("cp312", "cp312", "win_amd64")])


def test_a_folder_without_a_manifest_is_told_how_to_get_one(tmp_path):
    with pytest.raises(SetupError) as caught:
        verify(tmp_path)
    assert caught.value.code == "no_manifest"
    assert "offline make" in caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "python": "3", "platform": "x", '
                                  '"files": {"a": 1}}', "\xff"])  # fmt: skip
def test_a_manifest_that_nobody_can_read_is_refused_in_plain_words(folder, text):
    (folder / MANIFEST_NAME).write_bytes(text.encode("latin-1"))
    assert code_of(folder) == "broken_manifest"


def test_a_manifest_of_a_later_version_is_refused(folder):
    values = json.loads((folder / MANIFEST_NAME).read_text())
    (folder / MANIFEST_NAME).write_text(json.dumps({**values, "schema": values["schema"] + 1}))
    assert code_of(folder) == "newer_manifest"


def test_a_renamed_wheel_is_refused_when_the_manifest_is_made(folder):
    next(folder.glob("tqdm-*")).rename(folder / "tqdm (1).whl")
    with pytest.raises(SetupError) as caught:
        write_manifest(folder)
    assert caught.value.code == "broken_wheel_name"
