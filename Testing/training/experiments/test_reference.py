import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from training.experiments.config import Experiment, External, PhantomCohort
from training.experiments.reading import read_experiment, to_tree
from training.experiments.reference import (
    methods_reference,
    sections,
    settings_of,
    settings_reference,
    write_pages,
)
from training.methods import method_class, method_names

ROW = re.compile(r"^\| `([\w.]+)` \| `(.*?)` \| (.*) \|$", re.MULTILINE)
OPTIONS = "students.NAME.options."


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str, str]]:
    """Name, default and text of every setting of an experiment, as a reader finds them; options of methods apart."""
    found = [row for row in ROW.findall(settings_reference()) if not row[0].startswith(OPTIONS)]
    assert found
    return found


def leaves(tree: dict, place: str = "") -> set[str]:
    """Dotted names of what is no dict; an empty one is a value."""
    found = set()
    for name, value in tree.items():
        found |= leaves(value, f"{place}{name}.") if isinstance(value, dict) and value else {place + name}
    return found


def test_the_page_is_what_the_code_says(project):
    page = (project / "training" / "SETTINGS.md").read_text(encoding="utf-8")
    assert page == settings_reference(), "python -m training.experiments.reference --write"


def test_the_command_prints_the_page(project):
    command = [sys.executable, "-m", "training.experiments.reference", "methods"]
    done = subprocess.run(command, cwd=project, capture_output=True, check=True)
    assert done.stdout.decode() == methods_reference()


def test_every_setting_of_an_experiment_is_there_and_no_other(rows):
    whole = leaves(to_tree(Experiment(phantoms=PhantomCohort(), external=External(phantoms=PhantomCohort()))))
    named = {
        name.replace("teachers.dual", "teachers.NAME").replace("students.react_kd", "students.NAME") for name in whole
    }
    page = settings_reference()
    alike = re.findall(r"^## `([\w.]+)`\n\nAs `([\w.]+)`", page, re.MULTILINE)
    said = {name for name, _, _ in rows}
    for place, other in alike:
        said |= {name.replace(other, place) for name in said if name.startswith(f"{other}.")}
    assert alike
    assert said == named


def test_every_default_can_be_given_as_it_is_written_and_changes_nothing(rows, tmp_path):
    (tmp_path / "mine.yaml").write_text("phantoms: {}\nteachers: {dual: {}}\nstudents: {react_kd: {}}\n")
    changes = [
        f"{name.replace('teachers.NAME', 'teachers.dual').replace('students.NAME', 'students.react_kd')}={default}"
        for name, default, _ in rows
    ]
    whole = Experiment(phantoms=PhantomCohort(), external=External())
    assert read_experiment(str(tmp_path / "mine.yaml"), changes) == whole


def test_every_setting_has_a_text():
    settings = [setting for _, section in sections(Experiment()) for setting in section.settings]
    settings += [setting for name in method_names() for setting in settings_of(method_class(name).Options())]
    assert len(settings) > 100
    assert [setting.name for setting in settings if not setting.text] == []


def test_every_option_of_every_method_is_there():
    page = settings_reference()
    for name in method_names():
        part = page.split(f"### `{name}`: ")[1].split("\n### ")[0]
        said = {row[0].removeprefix(OPTIONS) for row in ROW.findall(part)}
        assert said == set(vars(method_class(name).Options()))


def test_a_text_is_the_docstring_below_its_field_in_one_line_and_names_the_choices():
    (setting,) = [
        one for _, part in sections(Experiment()) for one in part.settings if one.name == "students.NAME.drop"
    ]
    assert setting.default == "either"
    assert setting.text == "What may be lost [P]. One of `either`, `pet`."


def test_a_field_without_a_docstring_has_no_text():
    @dataclass(frozen=True)
    class Some:
        """Of which one is described."""

        first: int = 1
        second: int = 2
        """Voxels,
        a side."""

    assert [(one.name, one.text) for one in settings_of(Some())] == [("first", ""), ("second", "Voxels, a side.")]


def test_every_method_is_in_the_table_with_its_title():
    table = methods_reference()
    assert table.count("\n") == 2 + len(method_names())
    for name in method_names():
        assert f"| `{name}` | {method_class(name).title}" in table


def test_the_readme_has_the_table_of_methods(project):
    readme = (project / "training" / "README.md").read_text(encoding="utf-8")
    assert methods_reference() in readme, "python -m training.experiments.reference --write"


def test_the_pages_are_written_where_they_belong_and_nothing_around_the_table_changes(tmp_path):
    old = "\n".join(methods_reference().splitlines()[:3]).replace("alone", "gone")
    (tmp_path / "README.md").write_text(f"# Training\n\nMethods.\n\n{old}\n\nAfter.\n\n| a |\n")
    write_pages(tmp_path)
    written = f"# Training\n\nMethods.\n\n{methods_reference()}\nAfter.\n\n| a |\n"
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == written
    assert (tmp_path / "SETTINGS.md").read_text(encoding="utf-8") == settings_reference()
