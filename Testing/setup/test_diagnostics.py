from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from REACTKDLib.setup.diagnostics import LAST_LINES, Identity, diagnostics, without_identity
from REACTKDLib.setup.environment import Environment, Status
from REACTKDLib.setup.import_test import CudaDevice, ImportTest
from REACTKDLib.setup.sizes import Size

NOBODY = Identity("", "", "")
ENVIRONMENT = Environment(
    (Status("torch", ">=2.8,<3", None, "missing", "pytorch_extension", Size(201, 737)),
     Status("monai", ">=1.6,<1.7", "1.6.1", "ok", "pip", Size(2, 7))),
    "3.12.10", "win-amd64", 512, True, True,
)  # fmt: skip
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"])
names = st.text(LETTERS, min_size=3, max_size=12)
two_names = st.builds("{} {}".format, names, names)


def test_it_tells_versions_states_room_and_device():
    test = ImportTest({"torch": "2.13.0"}, "CUDA 13.0", "H100", (CudaDevice("H100", 79.2),), 3.1)
    text = diagnostics(ENVIRONMENT, ["ERROR: no route"], test, ["Slicer 5.12.1"], NOBODY)
    for part in ("Slicer 5.12.1", "3.12.10", "win-amd64", "510 MB", "1.6.1", "missing", "CUDA 13.0", "79.2 GB",
                 "ERROR: no route", "cannot install: About 940 MB"):  # fmt: skip
        assert part in text


def test_of_what_pip_said_only_the_end_is_told():
    lines = [f"line {index} of pip" for index in range(500)]
    text = diagnostics(ENVIRONMENT, lines, identity=NOBODY)
    assert text.splitlines()[-LAST_LINES:] == lines[-LAST_LINES:]
    assert lines[-LAST_LINES - 1] not in text


@given(user=names | two_names, host=names, form=st.sampled_from([
    "Collecting torch from {home}/wheels/torch.whl", "Permission denied: '{home}'", "file://{home}/x y/z.whl",
    "by {user} on {host}", "\\\\{host}\\share\\{user}\\x", "{host}.hospital.example: refused", "{user}@{host}",
    "{home}_old and {home}", "File \"{home}\\AppData\\pip.py\", line 3",
]), root=st.sampled_from(["/home/", "/Users/", "C:\\Users\\", "/data/people/"]))  # fmt: skip
def test_nobody_can_be_told_from_it(user, host, form, root):
    identity = Identity(root + user, user, host)
    line = form.format(home=identity.home, user=user, host=host)
    plain = diagnostics(ENVIRONMENT, [form.format(home="", user="", host="")], identity=NOBODY).casefold()
    assume(user.casefold() not in plain)
    assume(host.casefold() not in plain)
    assume(not any(name.casefold() in "<user><host>" for name in (user, host)))
    text = diagnostics(ENVIRONMENT, [line], identity=identity).casefold()
    assert user.casefold() not in text
    assert host.casefold() not in text


@pytest.mark.parametrize("line", [
    "reading /home/erika.muster/wheels", "reading C:\\Users\\Erika Muster\\wheels", "at file:///C:/Users/Erika%20Muster/x",
    "reading /Users/erika: denied", "'/home/erika'",
])  # fmt: skip
def test_home_folders_of_other_people_are_hidden_too(line):
    told = without_identity(line, NOBODY)
    assert "rika" not in told
    assert "~" in told


@pytest.mark.parametrize("line", [
    "Looking in indexes: https://erika:****@pypi.clinic.example/simple",
    "HTTPSConnectionPool(host='pypi.clinic.example', port=443): Max retries exceeded",
])  # fmt: skip
def test_a_private_package_index_is_not_named(line):
    told = without_identity(line, NOBODY)
    assert "clinic" not in told
    assert "erika" not in told


@pytest.mark.parametrize("home", ["/data/people/4711", "D:\\people\\4711"])
def test_a_home_folder_that_names_nobody_is_hidden_in_every_spelling(home):
    for spelling in (home, home.replace("\\", "/"), home.replace("\\", "\\\\")):
        assert without_identity(f"reading {spelling}, done", Identity(home, "", "")) == "reading ~, done"


def test_what_is_public_stays_readable():
    line = "Downloading https://files.pythonhosted.org/packages/torch-2.13.0-cp312-cp312-win_amd64.whl (200.1 MB)"
    assert without_identity(line, Identity("/home/ada", "ada", "pc-7")) == line


def test_a_name_within_another_word_is_no_name():
    line = "Cannot install adapter"
    assert without_identity(line, Identity("/home/ada", "ada", "pc-7")) == line


def test_an_account_without_a_name_and_a_home_at_the_root_do_no_harm():
    line = "ERROR: /opt/wheels: no such folder"
    assert without_identity(line, replace(NOBODY, home="/")) == line


def test_this_machine_is_the_default(monkeypatch):
    this = Identity.of_this_machine()
    assert this.home not in diagnostics(ENVIRONMENT, [f"reading {this.home}/x"])
