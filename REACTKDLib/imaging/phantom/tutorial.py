"""The patient of `reactkd demo` and of the module's sample data."""

from .making import Phantom, make_phantom

SEED, GRADE, LESIONS = 11, 2, 3
"""A clear case for the demo model: without its first lesion it would be another grade. Not every phantom is one."""


def tutorial_phantom() -> Phantom:
    """The same patient, bit for bit, whenever it is asked for."""
    return make_phantom(SEED, GRADE, LESIONS)
