import csv

import pytest

from REACTKDLib.inference.text_table import read_rows

ROWS = [{"case": "a", "ct": "one.nii"}, {"case": "b", "ct": ""}]


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_table_is_read_as_spreadsheets_write_it(separator, mark, end):
    text = end.join(separator.join(line) for line in (("case", "ct"), ("a", "one.nii"), ("b", ""))) + end
    assert list(read_rows(mark + text.encode())) == ROWS


def test_other_separators_within_a_value_are_part_of_it():
    assert list(read_rows(b"case;ct\na;scan 1,5 mm.nii\n")) == [{"case": "a", "ct": "scan 1,5 mm.nii"}]


def test_a_table_of_one_column_is_one():
    assert list(read_rows(b"case\na\n")) == [{"case": "a"}]


def test_a_quote_that_is_never_closed_is_an_error_where_it_must_be():
    content = b'case,ct\na,"one.nii\nb,two.nii\n'
    with pytest.raises(csv.Error):
        list(read_rows(content))
    assert len(list(read_rows(content, strict=False))) == 1


def test_what_is_not_utf_8_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        read_rows("case,ct\nä,x.nii\n".encode("cp1252"))
