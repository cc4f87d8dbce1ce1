"""What can be wrong with a cohort."""

from collections.abc import Iterable

from REACTKDLib.imaging.errors import ReactKDError

SHOWN = 5
"""Names in a message, at most."""


class CohortError(ReactKDError):
    """A manifest, a public collection's files or a split into folds is not what it has to be."""


def listed(names: Iterable[str]) -> str:
    """For a message: each once, and how many more there are."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
