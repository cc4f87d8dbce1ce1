from inspect import signature

import pytest

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.roles import PATH_NAMES, ROLE_NAMES

from .conftest import altered, moved, refused


def test_each_role_has_a_name_and_a_parameter_of_a_case():
    assert list(PATH_NAMES) == list(ROLE_NAMES)
    assert set(PATH_NAMES.values()) <= set(signature(Case.from_files).parameters)


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_an_error_of_a_file_says_which_of_the_cases_files_it_is(tmp_path, phantom, role):
    files = {name: phantom / f"{name}.nii.gz" for name in PATH_NAMES.values() if name != "segmentation"}
    with pytest.raises(CaseError) as caught:
        Case.from_files(**{**files, PATH_NAMES[role]: tmp_path / "gone.nii.gz"})
    assert caught.value.to_dict()["role"] == role


@pytest.mark.parametrize("role", ["ct", "liver", "act", "tumor"])
def test_an_error_of_an_image_says_which_one_it_is(abdomen, coarse_pet, role):
    images = {"ct": abdomen.ct, "liver": abdomen.liver, "tumor": abdomen.tumor, "act": coarse_pet}
    images[role] = altered(abdomen.ct, lambda a: a * 0) if role == "ct" else moved(images[role], (1000, 0, 0))
    assert refused(images["ct"], images["liver"], images["tumor"], {"act": images["act"]}).role == role


def test_an_error_of_two_images_together_names_neither(abdomen):
    error = refused(
        abdomen.ct, altered(abdomen.liver, lambda a: a * (a.cumsum() < 3000).reshape(a.shape)), abdomen.liver
    )
    assert error.code == "masks_exchanged"
    assert "role" not in error.to_dict()
