import csv
import io

import pytest

from training.evaluation.table import Column, Table, Value, with_missing

TABLE = Table(
    "A & B",
    (Column("job", "Job"), Column("auc", "AUC"), Column("p", "p")),
    (
        ("student_x", Value(0.8125, low=0.75, high=0.9, style="percent"), Value(0.0001, style="p")),
        ("teacher", Value(-0.5, std=0.25), ""),
    ),
    remarks=("How it was made.",),
    note="Phantoms, not patients.",
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(0.81249), "0.812"),
        (Value(0.7994, std=0.0213, style="percent"), "79.9 ± 2.1"),
        (Value(-0.02, low=-0.05, high=0.01, style="percent"), "−2.0 [−5.0, 1.0]"),
        (Value(0.0004, style="p"), "< 0.001"),
        (Value(0.0416, style="p"), "0.042"),
        (Value(0.44158, style="rounded"), "0.442"),
        (Value(32.378, style="rounded"), "32.4"),
        (Value(1234.5, style="rounded"), "1230"),
    ],
)
def test_numbers_read_as_papers_print_them(value, text):
    assert str(value) == text


def test_markdown_has_every_cell_and_what_it_is_of():
    lines = TABLE.markdown().splitlines()
    assert "| student_x | 81.2 [75.0, 90.0] | < 0.001 |" in lines
    assert "| teacher | −0.500 ± 0.250 |  |" in lines
    assert "*Phantoms, not patients.*" in lines
    assert "How it was made." in lines


def test_csv_has_numbers_in_full_and_the_note_in_every_line():
    rows = list(csv.DictReader(io.StringIO(TABLE.csv())))
    assert [row["note"] for row in rows] == ["Phantoms, not patients."] * 2
    assert (rows[0]["auc"], rows[0]["auc_low"], rows[0]["auc_std"], rows[0]["p"]) == ("0.8125", "0.75", "", "0.0001")
    assert (rows[1]["auc"], rows[1]["auc_low"], rows[1]["auc_std"], rows[1]["p"]) == ("-0.5", "", "0.25", "")


def test_why_a_line_has_no_numbers_stands_in_a_column_of_its_own_where_any_says_so():
    columns = (Column("job", "Job"), Column("auc", "AUC"))
    whole = (("one", Value(0.5)), "")
    assert with_missing(columns, [whole]) == (columns, (("one", Value(0.5)),))
    heads, rows = with_missing(columns, [whole, (("other",), "fold 1")])
    text = Table("Metrics", heads, rows).csv()
    assert text.splitlines() == ["job,auc,missing", "one,0.5,", "other,,fold 1"]
