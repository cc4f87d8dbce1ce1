"""What can be wrong with an experiment."""

from REACTKDLib.imaging.errors import ReactKDError


class ExperimentError(ReactKDError):
    """A configuration that cannot be read or run, or a run's folder that is another's."""
