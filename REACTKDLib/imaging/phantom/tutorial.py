"""The patient of `reactkd demo` and of the module's sample data."""

from .making import Phantom, make_phantom

SEED, GRADE, LESIONS = 13, 0, 3
"""A clear case for the demo model, whose reason its deletion check agrees with; not every phantom is one."""


def tutorial_phantom() -> Phantom:
    """The same patient, bit for bit, whenever it is asked for."""
    return make_phantom(SEED, GRADE, LESIONS)
