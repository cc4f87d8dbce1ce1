import pytest

from training.evaluation.table import Column, Table, Value

from .test_table import TABLE


def test_latex_escapes_what_latex_would_read():
    text = TABLE.latex()
    assert r"\caption{A \& B}" in text
    assert r"student\_x & 81.2 [75.0, 90.0] & $<$ 0.001 \\" in text
    assert r"teacher & $-$0.500 $\pm$ 0.250 &  \\" in text
    assert "Phantoms, not patients." in text
    assert text.count("{") == text.count("}")


def test_latex_names_its_packages_and_has_no_character_that_they_do_not_know():
    marks = Table("1 − 2 ± 3", (Column("a", "κ ≥ 0"), Column("b", "2 × 2 ≤ 5")), (("✓", "–"),), ("A – B.",), "±")
    text = marks.latex()
    assert text.isascii()
    assert r"$\checkmark$ & -- \\" in text
    first = text.splitlines()[0]
    assert first.startswith("%")
    assert "booktabs, amssymb" in first


def table_of(rows: int, columns: int, cell: str = "87.1 [85.0, 89.2]") -> str:
    heads = tuple(Column(str(index), f"Column {index}") for index in range(columns))
    return Table("Numbers", heads, ((cell,) * columns,) * rows, note="Phantoms.").latex()


def test_a_small_table_stands_in_the_text_in_its_letters():
    text = table_of(5, 4)
    assert r"\begin{table}" in text
    assert r"\normalsize" in text
    assert "landscape" not in text.partition(r"\begin")[2]
    assert "longtable" not in text.partition(r"\begin")[2]


def test_a_wide_table_is_turned_and_its_letters_are_smaller_the_wider_it_is():
    assert r"\begin{landscape}" not in table_of(5, 6)
    assert [r"\begin{landscape}" in table_of(5, 8), r"\footnotesize\setlength" in table_of(5, 8)] == [True, True]
    assert r"\tiny\setlength" in table_of(5, 11)


def test_cells_of_a_table_that_no_letters_make_fit_have_several_lines():
    text = table_of(5, 14)
    assert text.count(r"\shortstack[l]{87.1 [85.0,\\{}89.2]}") == 5 * 14


@pytest.mark.parametrize("columns", [3, 9, 14])
def test_a_table_of_more_lines_than_a_page_goes_on_with_its_head_on_the_next(columns):
    text = table_of(80, columns)
    assert r"\begin{longtable}" in text
    assert text.count(r"\toprule") == 2
    assert r"\begin{table}" not in text
    assert text.rindex("Phantoms.") > text.index(r"\end{longtable}")
    assert text.count("{") == text.count("}")
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_a_long_title_of_a_narrow_column_is_broken():
    heads = (Column("job", "Job"), Column("area", "Deletion area (lower is better)"))
    text = Table("A", heads, (("x", Value(0.5, low=0.4, high=0.6)),)).latex()
    assert r"\shortstack[l]{Deletion area (lower\\{}is better)}" in text


def test_an_interval_on_a_line_of_its_own_is_no_length_to_latex():
    assert r"\\[" not in table_of(5, 14, "−10.25 [−122.00, −100.25]")
