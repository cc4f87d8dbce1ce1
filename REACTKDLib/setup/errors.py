"""What can go wrong while REACT-KD is set up."""

from ..imaging.errors import ReactKDError


class SetupError(ReactKDError):
    """Something that REACT-KD needs is missing, altered or cannot be installed here."""
