"""What can be wrong with predictions."""

from REACTKDLib.imaging.errors import ReactKDError


class EvaluationError(ReactKDError):
    """Predictions are unreadable, incomplete, or cannot answer what is asked of them."""
