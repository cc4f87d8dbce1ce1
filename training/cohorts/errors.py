"""What can be wrong with a cohort."""

from REACTKDLib.imaging.errors import ReactKDError


class CohortError(ReactKDError):
    """A manifest, a public collection's files or a split into folds is not what it has to be."""
