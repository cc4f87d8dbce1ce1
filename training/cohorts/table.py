"""Rows of a clinical table: CSV or TSV, or the first sheet of an .xlsx.

An .xlsx is XML in a ZIP; the values of one sheet need no library of their own.
"""

import csv
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from REACTKDLib.inference.text_table import read_rows

from .errors import CohortError

NAMESPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def read_table(path: Path | str) -> list[dict[str, str]]:
    """One dictionary a row, by the first row's names; an empty cell is "".

    Raises CohortError: missing_file, bad_table.
    """
    path = Path(path)
    if not path.is_file():
        raise CohortError("missing_file", f"The table {path} does not exist.", "Check the path.")
    try:
        if path.suffix.lower() == ".xlsx":
            return _read_sheet(path)
        # Portals leave quotes in a text as they are.
        rows = read_rows(path.read_bytes(), strict=False)
        return [{key: value or "" for key, value in row.items() if key} for row in rows]
    except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, ElementTree.ParseError, KeyError) as error:
        raise CohortError(
            "bad_table", f"The table {path.name} cannot be read ({error}).", "Save it again as CSV in UTF-8."
        ) from error


def column(rows: list[dict[str, str]], names: tuple[str, ...], path: Path | str) -> str:
    """The first of the names that the table has. Raises CohortError bad_table."""
    present = rows[0] if rows else {}
    for name in names:
        if name in present:
            return name
    raise CohortError(
        "bad_table",
        f"The table {Path(path).name} has no column {' or '.join(names)}.",
        "Give the collection's own clinical table.",
    )


def _read_sheet(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        strings = []
        if STRINGS in archive.namelist():
            items = ElementTree.fromstring(archive.read(STRINGS)).findall("m:si", NAMESPACE)
            strings = ["".join(text.text or "" for text in item.iterfind(".//m:t", NAMESPACE)) for item in items]
        sheet = ElementTree.fromstring(archive.read(SHEET))
    header, *rows = [
        {_letters(cell): _text(cell, strings) for cell in row.iterfind("m:c", NAMESPACE)}
        for row in sheet.iterfind(".//m:row", NAMESPACE)
    ] or [{}]
    return [
        {name: row.get(letters, "") for letters, name in header.items() if name} for row in rows if any(row.values())
    ]


def _letters(cell: ElementTree.Element) -> str:
    return re.match("[A-Z]+", cell.get("r", ""))[0]


def _text(cell: ElementTree.Element, strings: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iterfind(".//m:t", NAMESPACE))
    value = cell.findtext("m:v", "", NAMESPACE)
    return strings[int(value)] if cell.get("t") == "s" else value
