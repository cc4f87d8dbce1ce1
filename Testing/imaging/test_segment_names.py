"""What a segment is, by its name alone."""

from dataclasses import dataclass

import pytest

from REACTKDLib.imaging.segment_names import liver_of, tumor_of


@dataclass(frozen=True)
class Segment:
    name: str


def names(found) -> list[str]:
    return [segment.name for segment in found]


def tumors(*given: str) -> list[str]:
    return names(tumor_of([Segment(name) for name in given]))


def livers(*given: str) -> list[str]:
    return names(liver_of([Segment(name) for name in given]))


@pytest.mark.parametrize(
    "name",
    ["Tumor", "tumour", "Tumors", "Tumours", "Mass", "masses", "LESION", "Lesions", "Lesion 2", "HCC", "HCC-1", "HCCs",
     "Metastasis", "metastases", "Liver mets", "carcinoma", "GTV", "GTVp", "iGTV_2"],
)  # fmt: skip
def test_a_tumour_is_known_by_its_words_and_their_plurals(name):
    assert tumors(name) == [name]


@pytest.mark.parametrize("name", ["LiverTumor", "LiverTumor1", "liver_lesions", "livertumor1", "Tumor_1", "HCC_Lesion"])
def test_a_tumours_word_is_found_where_it_is_joined_to_another(name):
    assert tumors("Liver", name) == [name]
    assert livers(name) == []


@pytest.mark.parametrize(
    "name",
    ["Läsion", "Läsionen", "Tumoren", "Raumforderung (Masse)", "Lebermetastasen", "Karzinom",
     "Tumeur", "Lésion hépatique", "tumor hepático", "lesiones", "metástasis", "Tumore", "lesione", "massa",
     "lesão", "lesões", "laesie"],
)  # fmt: skip
def test_a_tumour_may_be_called_in_another_european_language(name):
    assert tumors(name) == [name]


@pytest.mark.parametrize(
    "name", ["Spleen", "Massive ascites", "Gallbladder", "Portal vein", "Necrosis", "Amass", "Segment_1", "肿瘤", ""]
)
def test_other_names_are_no_tumour(name):
    assert tumors(name) == []


@pytest.mark.parametrize(
    "name",
    ["Liver without tumor", "Liver minus lesions", "Non-tumor liver", "Liver, no mass", "Tumor-free liver",
     "liver_without_any_tumour", "Liver ohne Läsion"],
)  # fmt: skip
def test_what_is_left_of_the_liver_without_its_tumour_is_liver(name):
    assert tumors(name) == []
    assert livers("Tumor", name) == [name]


@pytest.mark.parametrize("name", ["Lesion no 2", "Tumor No. 3", "Tumor without necrosis", "non-enhancing tumor"])
def test_a_no_that_is_not_of_the_tumour_takes_nothing_away(name):
    assert tumors(name) == [name]


def test_the_liver_is_the_segment_of_that_name_before_those_with_that_word():
    assert livers("Left liver", "liver ", "Liver remnant") == ["liver "]
    assert livers("Left liver", "Spleen", "liver_right") == ["Left liver", "liver_right"]


@pytest.mark.parametrize("name", ["Liver vessels", "liver_vessels", "Liver veins", "LiverArtery", "liver bile ducts"])
def test_vessels_are_not_the_liver(name):
    assert livers(name) == []


def test_the_phase_of_a_liver_is_no_vessel():
    assert livers("Liver (portal venous)") == ["Liver (portal venous)"]
    assert livers("liver_arterial") == ["liver_arterial"]
