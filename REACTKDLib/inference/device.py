"""Where the network runs."""

from dataclasses import dataclass

import torch

from ..imaging.errors import ReactKDError


class DeviceError(ReactKDError):
    """The device asked for is not there, or is too small."""


@dataclass(frozen=True)
class Device:
    """A device that exists. bf16 on CUDA, where tensor cores make it four times as fast; fp32 on the CPU."""

    torch_device: torch.device
    name: str
    precision: str
    memory_gb: float | None = None

    def to_dict(self) -> dict:
        return {
            "device": str(self.torch_device),
            "device_name": self.name,
            "precision": self.precision,
            "memory_gb": self.memory_gb,
            "torch": torch.__version__,
        }


def find_device(wanted: str = "auto") -> Device:
    """wanted: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`. Never falls back in silence.

    Raises DeviceError: unknown_device, no_such_device.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceError("unknown_device", f"'{wanted}' is not a device.", "Use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cpu":
        return Device(device, "CPU", "fp32")
    if device.type != "cuda":
        raise DeviceError("unknown_device", f"'{wanted}' is not supported.", "Use auto, cpu, cuda or cuda:N.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = device.index or 0
    if index >= count:
        found = f"{count} CUDA device{'s' if count != 1 else ''}"
        raise DeviceError(
            "no_such_device",
            f"'{wanted}' was asked for, but this machine has {found} that torch {torch.__version__} can use.",
            "Use auto or cpu, or install a CUDA build of torch.",
        )
    properties = torch.cuda.get_device_properties(index)
    precision = "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return Device(torch.device("cuda", index), properties.name, precision, round(properties.total_memory / 2**30, 1))
