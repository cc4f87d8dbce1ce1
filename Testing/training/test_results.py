"""What the documentation says of results is what the saved predictions say."""

from pathlib import Path

import pytest

from training.evaluation.summary import summarise

TRAINING = Path(__file__).parents[2] / "training"
PRINTED = ("accuracy", "f1", "auc", "ece")
PHANTOMS = "Trained and tested on synthetic phantoms: says nothing about patients."


def printed_table(run: Path) -> str:
    """As the researcher's page has it, without the remarks."""
    table = summarise(run, names=PRINTED, note=PHANTOMS).markdown()
    return table[: table.index(PHANTOMS) + len(PHANTOMS)]


@pytest.mark.parametrize("run", sorted(path.parent for path in (TRAINING / "results").glob("*/config.yaml")), ids=str)
def test_the_page_prints_the_table_that_the_saved_predictions_give(run):
    assert printed_table(run) in (TRAINING / "README.md").read_text(encoding="utf-8")
    assert f"`{run.name}`" in (TRAINING / "results/README.md").read_text(encoding="utf-8")
