"""Whether what was installed works, tried out in a process of its own.

    python -m REACTKDLib.setup.import_test --device auto

It imports every requirement and the worker, convolves on the device, and prints one line of JSON. Only that line is
success: a library that cannot be loaded may end the process without a word.
"""

import argparse
import importlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version

from ..imaging.errors import ReactKDError
from .errors import SetupError
from .requirements import module_of, read_requirements

WORKER_MODULES = tuple(f"REACTKDLib.inference.{name}" for name in ("worker", "predictor", "report"))
DEVICE_MODULE = "REACTKDLib.inference.device"
"""All imported by name, when asked: nothing here may load torch where Slicer starts."""


@dataclass(frozen=True)
class CudaDevice:
    """memory_gb: 2^30 bytes."""

    name: str
    memory_gb: float


@dataclass(frozen=True)
class ImportTest:
    """What worked. versions: package -> version. torch_build: `cpu`, `CUDA 13.0`. device: what the network will use."""

    versions: dict[str, str]
    torch_build: str
    device: str
    cuda_devices: tuple[CudaDevice, ...]
    seconds: float


def import_test_arguments(device: str = "auto") -> tuple[str, ...]:
    """What follows the Python executable; the folder that holds REACTKDLib must be on its PYTHONPATH."""
    return ("-m", "REACTKDLib.setup.import_test", "--device", device)


def read_import_test(stdout: str, stderr: str, status: int) -> ImportTest:
    """What the process found, from its output and exit status.

    Raises SetupError: import_failed, wrong_result, what inference.device raises, and no_answer where it ended without.
    """
    answer = next(filter(None, map(_answer, reversed(stdout.splitlines()))), None)
    if answer is None:
        lines = stderr.strip().splitlines()
        reason = _plain(lines[-1]) if lines else "it said nothing"
        raise SetupError(
            "no_answer",
            f"The test of what was installed ended with status {status}: {reason}",
            "Copy the diagnostics and ask for help; torch may not fit this machine.",
        )
    if "error" in answer:
        raise SetupError(**answer["error"])
    found = answer["works"]
    return ImportTest(**{**found, "cuda_devices": tuple(CudaDevice(**device) for device in found["cuda_devices"])})


def _answer(line: str) -> dict | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) and values.keys() & {"works", "error"} else None


def _plain(line: str) -> str:
    """The end of a traceback without the name of its exception."""
    name, colon, text = line.strip().partition(": ")
    return text if colon and name.endswith(("Error", "Exception")) and " " not in name else line.strip()


def try_everything(device: str) -> ImportTest:
    """In this process. Raises SetupError: import_failed, wrong_result, and what inference.device raises."""
    since = time.perf_counter()
    names = [requirement.name for requirement in read_requirements()]
    for name in names:
        _import(module_of(name), name)
    for module in (*WORKER_MODULES, DEVICE_MODULE):
        _import(module, "REACT-KD's worker")
    torch = sys.modules["torch"]
    used = sys.modules[DEVICE_MODULE].find_device(device)
    _convolve(torch, used.torch_device)
    cuda = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    properties = [torch.cuda.get_device_properties(index) for index in cuda]
    return ImportTest(
        {name: version(name) for name in names},
        f"CUDA {torch.version.cuda}" if torch.version.cuda else "cpu",
        used.name,
        tuple(CudaDevice(found.name, round(found.total_memory / 2**30, 1)) for found in properties),
        round(time.perf_counter() - since, 2),
    )


def _import(module: str, name: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a broken package does when it is imported
        reason = _plain((str(error).strip().splitlines() or [type(error).__name__])[-1])
        raise SetupError(
            "import_failed", f"{name} is installed but does not load: {reason}", "Remove it and install it again."
        ) from error


def _convolve(torch, device) -> None:
    """A 3 x 3 x 3 sum over ones is 27."""
    ones = torch.ones(1, 1, 3, 3, 3, device=device)
    try:
        result = torch.nn.functional.conv3d(ones, ones).item()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise SetupError("wrong_result", f"torch cannot compute on {device}: {reason}", "Choose the CPU.") from error
    if result != 27:
        raise SetupError("wrong_result", f"torch computes {result} on {device} instead of 27.", "Choose the CPU.")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m REACTKDLib.setup.import_test")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    try:
        answer = {"works": asdict(try_everything(options.device))}
    except ReactKDError as error:
        answer = {"error": error.to_dict()}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    return 0 if "works" in answer else 2


if __name__ == "__main__":
    sys.exit(main())
