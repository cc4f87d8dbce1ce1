"""Tables in text, as people, spreadsheets and portals write them."""

import csv
import io

SEPARATORS = ",;\t"
"""Between values; the one that the first line has most of. Spreadsheets write semicolons where 1.5 is written 1,5."""


def read_rows(content: bytes, *, strict: bool = True) -> csv.DictReader:
    """Rows by the names in the first line, in UTF-8 with or without a byte order mark.

    strict: whether a quote that is not closed where it should be is an error.
    Raises UnicodeDecodeError, and csv.Error while rows are taken.
    """
    text = content.decode("utf-8-sig")
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    return csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
