"""What can be wrong with the input, and what is merely doubtful."""

from dataclasses import asdict, dataclass
from typing import Literal


class ReactKDError(Exception):
    """An error a person can act on.

    code: short, stable, for programs. message: what is wrong, and where. hint: what to do about it.
    """

    def __init__(self, code: str, message: str, hint: str = ""):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        # After a list the hint has a line of its own.
        between = "\n" if "\n" in self.message else " "
        return f"{self.message}{between}{self.hint}".strip()

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


class CaseError(ReactKDError):
    """The images of a case are missing, unreadable or do not fit together.

    role: of the image that is wrong, as in `ROLE_NAMES`; empty where it is not one alone.
    """

    def __init__(self, code: str, message: str, hint: str = "", role: str = ""):
        super().__init__(code, message, hint)
        self.role = role

    def to_dict(self) -> dict[str, str]:
        return {**super().to_dict(), **({"role": self.role} if self.role else {})}


@dataclass(frozen=True)
class Finding:
    """Something doubtful about a case or its prediction, that the reader of the result must see."""

    severity: Literal["info", "warning"]
    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)
