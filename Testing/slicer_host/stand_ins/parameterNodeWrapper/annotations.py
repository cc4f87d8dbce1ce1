"""What `Annotated` can say about a parameter."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence


class Default:
    """The value of a parameter that was never set, or a function that makes it."""

    def __init__(self, value=None, *, generator: Callable | None = None):
        self._value = value
        self._generator = generator

    @property
    def value(self):
        return self._generator() if self._generator else self._value


class Validator(ABC):
    @abstractmethod
    def validate(self, value) -> None:
        """ValueError: the parameter cannot have this value."""


class WithinRange(Validator):
    """Bounds included."""

    def __init__(self, minimum: float, maximum: float):
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


class Minimum(Validator):
    def __init__(self, minimum: float):
        self.minimum = minimum

    def validate(self, value: float) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


class Maximum(Validator):
    def __init__(self, maximum: float):
        self.maximum = maximum

    def validate(self, value: float) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is greater than {self.maximum}")


class Choice(Validator):
    def __init__(self, choices: Sequence):
        self.choices = choices

    def validate(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"{value} is none of {self.choices}")
