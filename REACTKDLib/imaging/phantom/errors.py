"""What can go wrong with a phantom."""

from ..errors import ReactKDError


class PhantomError(ReactKDError):
    """The phantom cannot be made or written as asked."""
