from pathlib import Path

import pytest

import training.methods
from REACTKDLib.imaging.errors import ReactKDError
from training.methods import method_class, method_names
from training.methods.method import Method

TABLE_I = {"kd", "at", "cirkd", "mskd", "mtcm_kd", "awmtkd", "react_kd"}


def test_every_file_of_the_folder_is_a_method_but_the_contract_and_the_private_ones():
    files = {path.stem for path in Path(training.methods.__file__).parent.glob("*.py")}
    assert set(method_names()) == {name for name in files if not name.startswith("_") and name != "method"}
    assert {"alone", "fitnets", *TABLE_I} <= set(method_names())
    assert all(issubclass(method_class(name), Method) for name in method_names())


def test_a_new_file_is_a_new_method_and_nothing_else_changes(tmp_path, monkeypatch):
    (tmp_path / "brand_new.py").write_text(
        "from training.methods.kd import LogitDistillation\n\n\nclass New(LogitDistillation):\n    title = 'New'\n"
    )
    monkeypatch.setattr(training.methods, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(training.methods, "__path__", [*training.methods.__path__, str(tmp_path)])
    assert method_names() == ("brand_new",)
    assert method_class("brand_new").title == "New"


def test_the_published_ones_are_those_of_table_i():
    assert {name for name in method_names() if method_class(name).published} == TABLE_I


def test_every_method_has_a_title_of_its_own():
    titles = [method_class(name).title for name in method_names()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", ["nothing", "method", "_maps", "../kd", ""])
def test_an_unknown_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(ReactKDError, match="no distillation method") as error:
        method_class(name)
    assert all(known in error.value.hint for known in method_names())
