"""Tumour grades, and the words that cohorts have for them."""

GRADES = ("Well differentiated", "Moderately differentiated", "Poorly differentiated")
"""By grade 0, 1, 2 (Edmondson-Steiner as method.md reads it)."""
SPELLINGS = {
    spelling: grade
    for grade, name in enumerate(GRADES)
    for spelling in (str(grade), name.lower(), name.split()[0].lower())
}


def parse_grade(text: str) -> int:
    """0, 1 or 2 from that number or the grade's name, in full or its first word. Raises ValueError."""
    try:
        return SPELLINGS[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None
