import pytest
import torch

from tenfold.errors import DeviceError, UsageError
from tenfold.learn.recipes import devices


def only(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    """A machine with these devices."""
    for name, where in (("cuda", torch.cuda), ("mps", torch.backends.mps), ("xpu", torch.xpu)):
        monkeypatch.setattr(where, "is_available", lambda name=name: name in there)


def test_auto_is_the_fastest_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (("cuda", "mps"), ("mps",), ("xpu",), ()):
        only(monkeypatch, *there)
        assert devices.choose().type == (*there, "cpu")[0]
        assert devices.choose("cpu").type == "cpu"
    assert devices.available() == ["cpu"]


def test_a_device_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.choose("cuda:1") == torch.device("cuda", 1)
    for name in ("cuda:2", "cuda:one"):
        with pytest.raises(DeviceError, match=f"there is no device {name} here: use --device cuda or cpu, or auto"):
            devices.choose(name)


def test_what_is_no_device_and_what_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch)
    devices.check_device("cuda:7")  # which may be elsewhere
    with pytest.raises(UsageError, match="unknown device 'cude': did you mean 'cuda'"):
        devices.check_device("cude")
    with pytest.raises(DeviceError, match="there is no cuda device here: use --device cpu, or auto"):
        devices.choose("cuda")
