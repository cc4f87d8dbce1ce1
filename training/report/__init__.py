"""The report of a comparison: tables, figures, explanations, one page (method.md, sections 7 to 9)."""
