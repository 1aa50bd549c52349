"""Is all well here? From what Python is to a step of training on each device, and what to do about faults.

Each check is a function that yields what it saw; what it raises is a fault too. Nothing heavy is imported before it is
checked, so that what is missing or broken is said too.
"""

import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from tenfold.mnist.digits import Digits

GOOD, NOTE, MISSING, FAULT = "good", "note", "-", "FAULT"
_OURS = ("dev", "docs")  # extras for those who work on tenfold
_COUNT = 40  # digits that devices are compared on
_DIFFERENCE = {"cpu": 1e-3}  # of logits, which reach about 20; GPUs round products to 10 bits
_COARSE = 0.1
_ROOM = 200_000_000  # bytes that a run and its figures find comfortable
_REINSTALL = "install torch anew as https://pytorch.org/get-started/locally says"
_ELSEWHERE = f"do not trust this device: use another, or {_REINSTALL}"


class Check(NamedTuple):
    """What was looked at, its state (good, note, - for not there and not needed, FAULT), what was seen, what to do."""

    name: str
    state: str
    found: str
    do: str = ""


def checks() -> Iterator[Check]:
    """Every check, in the order in which one needs another."""
    for part in (_python, _packages, _cores, _mnist, _model, _reading, _learning, _runs):
        try:
            yield from part()
        except Exception as error:  # noqa: BLE001 - whatever is broken is what is looked for
            yield Check(part.__name__.strip("_"), FAULT, _line(error), "install tenfold anew, in a fresh environment")


def versions() -> dict[str, str]:
    """The versions of Python and of every package that tenfold or an extra of it asks for and that is here."""
    names = {requirement.name for needed in _requirements().values() for requirement in needed}
    there = {name: version for name in sorted(names) if (version := _version(name)) is not None}
    return {"python": platform.python_version(), "tenfold": _version("tenfold") or "not installed", **there}


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _judged(name: str, good: bool, found: str, do: str) -> Check:
    """A check that is good, or a fault with what to do."""
    return Check(name, GOOD, found) if good else Check(name, FAULT, found, do)


# Python, and the packages.


def _python() -> Iterator[Check]:
    here = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    translated = platform.machine() == "x86_64" and "ARM64" in platform.version()  # as macOS says under Rosetta
    do = "install a Python for Apple silicon: this one runs translated, slowly, and without the GPU"
    yield _judged("python", not translated, f"{here}, for Intel on Apple silicon" if translated else here, do)


def _packages() -> Iterator[Check]:
    """tenfold, what reading needs, and the extras."""
    from tenfold import __version__

    installed = _version("tenfold")
    if installed is None:
        yield Check("tenfold", FAULT, f"{__version__}, not installed", "install it: pip install . in its folder")
        return
    same = installed == __version__
    both = __version__ if same else f"{__version__}, installed {installed}"
    yield _judged("tenfold", same, both, "install it again: pip install . in its folder")
    needed = _requirements()
    yield from map(_package, needed.pop(""))
    for extra, requirements in needed.items():
        there = [_package(one) for one in requirements if _version(one.name) is not None]
        old = [check for check in there if check.state == FAULT]
        if extra in _OURS:
            continue
        if len(there) < len(requirements) and not old:
            count = f"{len(there)} of {len(requirements)}" if there else "none"
            yield Check(f"[{extra}]", MISSING, count, f"pip install 'tenfold[{extra}]'")
        elif not old:
            yield Check(f"[{extra}]", GOOD, f"{len(there)} package{'s' * (len(there) > 1)}")
        yield from old
    several = [name for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml") if _version(name)]
    if len(several) > 1:
        do = f"pip uninstall {' '.join(several)}, then install the one that you want"
        yield Check("onnxruntime", FAULT, f"{' and '.join(several)} overwrite each other", do)


def _package(needed: Requirement) -> Check:
    version = _version(needed.name)
    if version is None:
        return Check(needed.name, FAULT, "not installed", f"pip install {needed.name}")
    good = needed.specifier.contains(Version(version), prereleases=True)
    what = version if good else f"{version}, where {needed.specifier} is needed"
    return _judged(needed.name, good, what, f'pip install --upgrade "{needed.name}{needed.specifier}"')


def _requirements() -> dict[str, list[Requirement]]:
    """The packages that each extra asks for here; under "" those of tenfold itself."""
    try:
        about = metadata.metadata("tenfold")
    except metadata.PackageNotFoundError:
        return {"": []}
    requirements = [Requirement(text) for text in about.get_all("Requires-Dist") or []]

    def asked(one: Requirement, extra: str) -> bool:
        return one.marker is None or one.marker.evaluate({"extra": extra})

    own = [one for one in requirements if asked(one, "")]
    by_extra = {
        extra: [one for one in requirements if one not in own and one.name != "tenfold" and asked(one, extra)]
        for extra in about.get_all("Provides-Extra") or []
    }
    return {"": own, **by_extra}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# The machine.


def _usable() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container's share of time."""
    from tenfold.engines.jobs import cores

    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        return min(cores(), max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no Linux, or "max", which is no limit
        return cores()


def _cores() -> Iterator[Check]:
    usable, given = _usable(), os.environ.get("OMP_NUM_THREADS", "")
    first = given.split(",")[0].strip()
    if first and not first.isdigit():
        yield Check("threads", FAULT, f"{given!r} is no number", "unset OMP_NUM_THREADS")
    elif first and int(first) > usable:
        do = f"unset OMP_NUM_THREADS, or set it to {usable}: more threads than cores wait for one another"
        yield Check("threads", FAULT, f"{first} wanted, {_counted(usable, 'core')}", do)
    elif first:
        yield Check("threads", NOTE, f"OMP_NUM_THREADS={first}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = load > usable + 0.5
    do = "other programs compute too: wait, or let torch's threads sleep with OMP_WAIT_POLICY=PASSIVE" if busy else ""
    yield Check("cores", NOTE if busy else GOOD, f"{_counted(usable, 'core')}, load {load:.1f}", do)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def _runs() -> Iterator[Check]:
    """Where runs are written: ./runs, or this folder where there is none yet."""
    folder = Path("runs") if Path("runs").is_dir() else Path()
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        do = "go to a folder of your own, or name one: tenfold train --out DIR"
        yield Check("runs", FAULT, f"cannot write here: {error.strerror}", do)
        return
    free = shutil.disk_usage(folder).free
    seen = f"{free / 1e6:.0f} MB free" if free < _ROOM else f"can be written, {free / 1e9:.0f} GB free"
    yield _judged("runs", free >= _ROOM, seen, "free some space, or name a place: tenfold train --out DIR")


# The data, the model, and both wings.


def _mnist() -> Iterator[Check]:
    from tenfold.mnist import embedded

    bad = [check.name for check in embedded.verify(embedded.FOLDER) if not check.good]
    good = f"{len(embedded.SHA256)} files, SHA-256 as published"
    seen = f"{', '.join(bad)}: not the published SHA-256" if bad else good
    yield _judged("MNIST", not bad, seen, "install tenfold anew")


def _model() -> Iterator[Check]:
    """The bundled model's files against the checksums that came with them."""
    import hashlib

    import tenfold

    folder = Path(tenfold.__file__).parent / "models"
    listed = [line.split() for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    bad = [
        name
        for sha256, name in listed
        if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256
    ]
    seen = f"{', '.join(bad)}: missing or damaged" if bad else f"{len(listed)} files, SHA-256 as made"
    yield _judged("model", not bad, seen, "install tenfold anew")


def _reading() -> Iterator[Check]:
    """The reading wing on a few digits, as `tenfold read --single` has them, without PyTorch."""
    import onnxruntime

    from tenfold.read.classifier import DEVICES
    from tenfold.read.reader import Reader

    digits, reader = _some(), Reader(always_answer=True)
    answers = [reader.read(image, single=True).text for image in digits.images]
    right = sum(answer == str(k) for answer, k in zip(answers, digits.labels, strict=True))
    there = [name for name, provider in DEVICES.items() if provider in onnxruntime.get_available_providers()]
    seen = f"{right} of {_COUNT} digits; on {', '.join(there)}"
    yield _judged("reading", right >= _COUNT - 2, seen, "install onnxruntime and tenfold anew")


def _learning() -> Iterator[Check]:
    """The learning wing: PyTorch's build, and each device."""
    install = "pip install 'tenfold[train]'"
    if util.find_spec("torch") is None:
        yield Check("learning", MISSING, "needs PyTorch", install)
        return
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        yield Check("torch", FAULT, f"cannot be imported: {_line(error)}", f"pip uninstall torch, then {install}")
        return
    try:
        from tenfold.learn.recipes.devices import available
        from tenfold.learn.scoring import selfcheck as learn
    except ModuleNotFoundError as error:
        yield Check("learning", FAULT, f"needs {error.name}", install)
        return
    builds = {"CUDA": torch.version.cuda, "ROCm": torch.version.hip}
    yield Check("torch", GOOD, ", ".join([torch.__version__, *(f"{kind} {v}" for kind, v in builds.items() if v)]))
    yield from _gpus(torch, available())
    import numpy as np

    from tenfold.read.classifier import Classifier

    digits = _some()
    expected = Classifier(threads=1).logits(digits.images[:, None].astype(np.float32) / np.float32(255))
    for name in reversed(available()):  # the CPU first
        yield _device(torch, name)
        device = torch.device(name)
        try:
            apart = float(abs(learn.logits(digits, device) - expected).max())
            losses = learn.steps(digits, device)
        except (RuntimeError, NotImplementedError) as error:
            yield Check(name, FAULT, _line(error), f"use another: --device cpu; or {_REINSTALL}")
            continue
        near, finite = apart < _DIFFERENCE.get(name, _COARSE), all(map(math.isfinite, losses))
        yield _judged(f"{name} logits", near, f"{apart:.0e} from onnxruntime's", _ELSEWHERE)
        yield _judged(f"{name} training", finite, f"loss {losses[0]:.2f} to {losses[-1]:.2f}", _ELSEWHERE)


def _device(torch: Any, name: str) -> Check:
    """What a device is."""
    if name == "cuda":
        first, memory = torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory / 2**30
        return Check(name, GOOD, f"{torch.cuda.device_count()} x {first}, {memory:.0f} GiB")
    if name != "cpu":
        return Check(name, GOOD, "is there")
    threads, usable = torch.get_num_threads(), _usable()
    few = threads <= usable or bool(os.environ.get("OMP_NUM_THREADS"))
    do = f"set OMP_NUM_THREADS={usable}: more threads than cores wait for one another"
    return _judged(name, few, f"{_counted(threads, 'thread')} on {_counted(usable, 'core')}", do)


def _gpus(torch: Any, there: list[str]) -> Iterator[Check]:
    """Faults of a GPU that is here and not used."""
    driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()
    if driver and "cuda" not in there:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if hidden is not None and hidden.strip() in ("", "-1"):
            yield Check("cuda", NOTE, f"hidden by CUDA_VISIBLE_DEVICES={hidden}")
        elif not torch.version.cuda:
            do = f"for the GPU {_REINSTALL}"
            yield Check("cuda", FAULT, "an NVIDIA driver, but torch is built for CPUs alone", do)
        else:
            do = "see what nvidia-smi says: the driver may be too old for this torch"
            yield Check("cuda", FAULT, f"an NVIDIA driver, but no GPU for CUDA {torch.version.cuda}", do)
    if sys.platform == "darwin" and platform.machine() == "arm64" and "mps" not in there:
        yield Check("mps", FAULT, "Apple silicon, but torch has no MPS here", f"update macOS, or {_REINSTALL}")


def _some() -> "Digits":
    """A few of the digits that the bundled model was trained by, four of each class."""
    import numpy as np

    from tenfold.mnist import embedded

    digits = embedded.read("train")
    first = [np.flatnonzero(digits.labels[:1000] == k)[: _COUNT // 10] for k in range(10)]
    return digits.take(np.concatenate(first))
