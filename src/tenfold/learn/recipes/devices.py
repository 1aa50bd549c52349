"""Which device to compute on."""

import torch

from tenfold.errors import DeviceError

DEVICES = ("auto", "cuda", "mps", "xpu", "cpu")


def available() -> list[str]:
    """The kinds of device that are there, the fastest first."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": torch.xpu.is_available(),
    }
    return [name for name in DEVICES if name == "cpu" or there.get(name)]


def choose(name: str = "auto") -> torch.device:
    """The device called `name` ("cuda", "cuda:1", "mps", "xpu", "cpu"), or the fastest that is there for "auto".

    Raises DeviceError when it is not there.
    """
    there = available()
    if name == "auto":
        return torch.device(there[0])
    kind, _, number = name.partition(":")
    if kind not in there:
        raise DeviceError(f"there is no {kind} device here: use --device {' or '.join(there)}, or auto")
    if number and (not number.isdigit() or (kind == "cuda" and int(number) >= torch.cuda.device_count())):
        raise DeviceError(f"there is no device {name} here: use --device {' or '.join(there)}, or auto")
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given, so that a clock read afterwards tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    elif device.type == "xpu":
        torch.xpu.synchronize(device)
