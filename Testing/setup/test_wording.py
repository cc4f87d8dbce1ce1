import pytest

from REACTKDLib.setup.requirements import proven_versions
from REACTKDLib.setup.sizes import size_text
from REACTKDLib.setup.wording import in_words, requirements_message


def without(packages, *names):
    for name in names:
        packages.remove(name)
    return packages.inspect()


def test_nothing_is_said_where_nothing_is_missing(complete):
    assert requirements_message(complete.inspect()) is None


def test_one_sentence_names_what_is_missing_its_size_and_the_remedy(complete):
    message = requirements_message(without(complete, "torch", "monai"))
    assert message == "torch and monai are missing (about 200 MB). Open Setup to install them."


def test_one_missing_package_is_it(complete):
    assert requirements_message(without(complete, "monai")) == (
        "monai is missing (about 2 MB). Open Setup to install it."
    )


def test_an_outdated_package_is_told_with_its_version(complete):
    complete.remove("einops")
    complete.add("einops", "0.7.0")
    assert requirements_message(complete.inspect()).startswith("einops 0.7.0 is too old (about 1 MB).")


def test_the_terminal_is_not_told_of_a_window_it_does_not_have(slicer):
    message = requirements_message(slicer.inspect(), headless=True)
    assert message.startswith(in_words(list(proven_versions())))
    assert "Start Slicer with its window" in message


def test_what_keeps_from_installing_comes_first(slicer):
    environment = slicer.inspect(writable=False)
    assert requirements_message(environment) == environment.obstacles[0]


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_people_write_them(items, text):
    assert in_words(items) == text


@pytest.mark.parametrize(
    ("megabytes", "text"),
    [(0.1, "1 MB"), (1.7, "2 MB"), (94, "94 MB"), (95, "100 MB"), (204.4, "200 MB"), (994, "990 MB"), (995, "1.0 GB"),
     (2740, "2.7 GB")],
)  # fmt: skip
def test_sizes_are_rounded_as_estimates(megabytes, text):
    assert size_text(megabytes) == text
