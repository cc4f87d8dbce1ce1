import re
import subprocess

import pytest

from REACTKDLib.cli import main
from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.model_card import ModelCard

PAGES = (
    "README.md",
    "REACTKDLib/method.md",
    "Resources/Models/demo/README.md",
    "training/README.md",
    "training/SETTINGS.md",
    "training/results/README.md",
)


@pytest.fixture(scope="module")
def readme(project) -> str:
    return (project / "README.md").read_text(encoding="utf-8")


def help_of(command, capsys) -> str:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return capsys.readouterr().out


OF_SLICER = {"--no-main-window", "--python-script"}


def test_every_option_the_readme_names_exists(readme, capsys, project):
    text = help_of("predict", capsys) + help_of("batch", capsys) + help_of("phantom", capsys)
    text += (project / "REACTKD" / "Scripts" / "reactkd_batch.py").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", readme)) - OF_SLICER
    assert named
    assert {option for option in named if option not in text} == set()


def test_every_command_the_readme_names_exists(readme, capsys):
    for command in set(re.findall(r"reactkd (\w+) ", readme)):
        assert help_of(command, capsys)


def test_every_make_target_the_readme_names_exists(readme, project):
    for target in set(re.findall(r"\bmake ([a-z-]+)", readme)):
        done = subprocess.run(["make", "-n", target], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(name, project):
    page = project / name
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if not link.startswith("http")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}, link


def test_the_python_example_runs_as_it_stands(readme, project, phantom, tmp_path, monkeypatch):
    example = re.search(r"```python\n(.+?)```", readme, re.DOTALL)[1]
    (tmp_path / "ct.nii.gz").symlink_to(phantom / "ct.nii.gz")
    (tmp_path / "masks.seg.nrrd").symlink_to(phantom / "segmentation.seg.nrrd")
    (tmp_path / "Resources").symlink_to(project / "Resources")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})


def test_what_it_says_of_the_demo_model_is_in_the_models_card(readme):
    metrics = ModelCard.read(demo_model()).metrics
    cases, both, ct = re.search(
        r"on (\d+) held-out phantoms its macro-AUC is ([\d.]+) with CT and FDG PET, and ([\d.]+) with CT alone", readme
    ).groups()
    assert metrics["data"].startswith(f"{cases} synthetic phantoms, held out")
    assert float(both) == pytest.approx(metrics["macro_auc_ct_fdg"], abs=0.005)
    assert float(ct) == pytest.approx(metrics["macro_auc_ct_only"], abs=0.005)


def test_research_use_is_said_once(readme):
    assert len(re.findall("research use", readme, re.IGNORECASE)) == 1
