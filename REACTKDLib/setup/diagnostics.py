"""What to send with a question: versions and states, nobody's name."""

import getpass
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .environment import Environment
from .import_test import ImportTest
from .sizes import size_text

LAST_LINES = 20
PUBLIC_HOSTS = ("pypi.org", "files.pythonhosted.org", "download.pytorch.org", "download-r2.pytorch.org")


@dataclass(frozen=True)
class Identity:
    """What tells who and where someone is: their home folder, their name on this machine, and the machine's."""

    home: str
    user: str
    host: str

    @classmethod
    def of_this_machine(cls) -> "Identity":
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):  # an account without a name
            user = ""
        return cls(str(Path.home()), user, platform.node())


def diagnostics(
    environment: Environment,
    lines: Iterable[str] = (),
    test: ImportTest | None = None,
    versions: Iterable[str] = (),
    identity: Identity | None = None,
) -> str:
    """A text to copy. lines: what pip printed. test: what the import test found. versions: as `Slicer 5.12.1`.

    identity: what must not be in it (default: this machine's).
    """
    identity = identity or Identity.of_this_machine()
    text = [
        *versions,
        f"Python {environment.python} on {environment.platform}",
        f"free disk {size_text(environment.free_mb)}, {'writable' if environment.writable else 'not writable'}",
        f"NVIDIA driver {'found' if environment.cuda else 'not found'}",
    ]
    for status in environment.requirements:
        text.append(f"{status.name:<12} {status.installed or '-':<14} wanted {status.wanted:<12} {status.state}")
    text += [f"cannot install: {obstacle}" for obstacle in environment.obstacles]
    if test is not None:
        text.append(f"import test passed: torch {test.versions['torch']}, {test.torch_build}, on {test.device}")
        text += [f"CUDA device {device.name}, {device.memory_gb} GB" for device in test.cuda_devices]
    last = list(lines)[-LAST_LINES:]
    return "\n".join(without_identity(line, identity) for line in (*text, *(["pip:"] if last else []), *last)) + "\n"


def without_identity(line: str, identity: Identity) -> str:
    """Home folders become ~, names <user> and <host>, and addresses of private package indexes lose their host."""
    for home in {identity.home, identity.home.replace("\\", "/"), identity.home.replace("\\", "\\\\")} - {"", "/"}:
        line = re.sub(re.escape(home) + r"(?!\w)", "~", line, flags=re.IGNORECASE)
    line = re.sub(r"(?:[A-Za-z]:)?[\\/]+(?:Users|home)[\\/]+(?:[^\\/\"'\n]+(?=[\\/])|[^\\/\s\"':]+)", "~", line)
    line = re.sub(r"(\w+://)([^/\s]*@)?([^/\s:]*)", _public_address, line)
    line = re.sub(r"host='([^']*)'", lambda found: f"host='{_public_host(found[1])}'", line)
    for name, mark in ((identity.user, "<user>"), (identity.host, "<host>"), (identity.host.split(".")[0], "<host>")):
        if name:
            line = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", mark, line, flags=re.IGNORECASE)
    return line


def _public_address(found: re.Match) -> str:
    return found[1] + _public_host(found[3])


def _public_host(host: str) -> str:
    return host if host in (*PUBLIC_HOSTS, "") else "<host>"
