"""What can stop a training."""

from REACTKDLib.imaging.errors import ReactKDError


class TrainingError(ReactKDError):
    """Settings that do not fit together, or a training that cannot go on."""
