"""Which device to compute on."""

from typing import TYPE_CHECKING

from tenfold.errors import DeviceError, UsageError, nearest

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cuda", "mps", "xpu", "cpu")


def check_device(name: str) -> None:
    """Raise UsageError unless this is the name of a device, whether it is there or not."""
    if name.split(":", maxsplit=1)[0] not in DEVICES:
        raise UsageError(nearest("device", name, DEVICES))


def available() -> list[str]:
    """The kinds of device that are there, the fastest first."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": torch.xpu.is_available(),
    }
    return [name for name in DEVICES if name == "cpu" or there.get(name)]


def choose(name: str = "auto") -> "torch.device":
    """The device called `name` ("cuda", "cuda:1", "mps", "xpu", "cpu"), or the fastest that is there for "auto".

    Raises DeviceError when it is not there.
    """
    import torch

    there = available()
    if name == "auto":
        return torch.device(there[0])
    kind, _, number = name.partition(":")
    if kind not in there:
        raise DeviceError(f"there is no {kind} device here: use --device {' or '.join(there)}, or auto")
    if number and (not number.isdecimal() or (kind == "cuda" and int(number) >= torch.cuda.device_count())):
        raise DeviceError(f"there is no device {name} here: use --device {' or '.join(there)}, or auto")
    return torch.device(name)
