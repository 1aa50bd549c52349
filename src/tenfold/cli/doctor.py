"""`tenfold doctor`: the checks, from what Python is to a step of training on each device, and what to do about faults.

Each check is a function that yields lines; what it raises is a fault too. Nothing heavy is imported before it is
checked, so that it also tells what is missing or broken.
"""

import math
import os
import platform
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from tenfold.mnist.digits import Digits

EPILOG = """
Examples:

  tenfold doctor                    is all well here?

  tenfold doctor --json > here.json to send along with a question

Exit status:

  0 all is well     1 there is a fault
"""

GOOD, NOTE, MISSING, FAULT = "good", "note", "-", "FAULT"
WIDTH = 60  # columns
_PLACE = 22  # where a line's text begins
_OURS = ("dev", "docs")  # extras for those who work on tenfold
_COUNT = 40  # digits that devices are compared on
_DIFFERENCE = {"cpu": 1e-3}  # of logits, which reach about 20; GPUs round products to 10 bits
_COARSE = 0.1
_ROOM = 200_000_000  # bytes that a run and its figures find comfortable


class Check(NamedTuple):
    """A line: what was looked at, good, note, - (not there, and not needed) or FAULT, what was found, what to do."""

    name: str
    state: str
    found: str
    do: str = ""


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Check the installation: versions, devices, data, model, and what is wrong with them; say what to do.

    Runs the bundled model in onnxruntime and, where PyTorch is installed, on each device, and trains a few steps.
    """
    done = []
    for check in checks():
        done.append(check)
        if not json:
            _print(check)
    faults = [check for check in done if check.state == FAULT]
    if json:
        from json import dumps

        print(
            dumps({"well": not faults, "versions": versions(), "checks": [check._asdict() for check in done]}, indent=2)
        )
    elif faults:
        print(f"\n{len(faults)} fault{'s' * (len(faults) > 1)}: {', '.join(check.name for check in faults)}")
    else:
        print("\nall is well")
    if faults:
        raise typer.Exit(1)


def checks() -> Iterator[Check]:
    """Every check, in the order in which one needs another."""
    parts = (_python, _packages, _builds, _cores, _mnist, _model, _reading, _learning, _runs)
    for part in parts:
        try:
            yield from part()
        except Exception as error:  # noqa: BLE001 - whatever is broken is what is looked for
            yield Check(part.__name__.strip("_"), FAULT, _line(error), "install tenfold anew, in a fresh environment")


def versions() -> dict[str, str]:
    """The versions of Python and of every package that tenfold or an extra of it asks for and that is here."""
    asked = {name for needs in _needs().values() for name, _ in needs}
    found = {name: _version(name) for name in sorted(asked)}
    about = {"python": platform.python_version(), "tenfold": _version("tenfold") or "not installed"}
    return about | {name: version for name, version in found.items() if version is not None}


def _print(check: Check) -> None:
    head = f"{check.state:<7}{check.name:<{_PLACE - 7}}"
    tail = f"; {check.do}" if check.state == MISSING else ""
    lines = textwrap.wrap(f"{check.found}{tail}", WIDTH - _PLACE, break_on_hyphens=False) or [""]
    print("\n".join([head + lines[0], *(" " * _PLACE + line for line in lines[1:])]))
    if check.do and not tail:
        print(textwrap.fill(check.do, WIDTH, initial_indent="       do: ", subsequent_indent=" " * 11))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# Python, and the packages.


def _python() -> Iterator[Check]:
    found = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.maxsize < 2**32:
        yield Check("python", FAULT, f"{found}, 32 bits", "install a Python of 64 bits: PyTorch has no other builds")
    elif platform.machine() == "x86_64" and "ARM64" in platform.version():  # as macOS tells of Rosetta
        do = "install a Python for Apple silicon: this one runs translated, slowly, and without the GPU"
        yield Check("python", FAULT, f"{found}, for Intel on Apple silicon", do)
    else:
        yield Check("python", GOOD, found)


def _packages() -> Iterator[Check]:
    """tenfold, what reading needs, and the extras."""
    from tenfold import __version__

    installed = _version("tenfold")
    if installed is None:
        yield Check("tenfold", FAULT, f"{__version__}, not installed", "install it: pip install . in its folder")
        return
    same = installed == __version__
    do = "" if same else "install it again: pip install . in its folder"
    yield Check(
        "tenfold", GOOD if same else FAULT, __version__ if same else f"{__version__}, installed {installed}", do
    )
    needs = _needs()
    for name, least in needs.pop(""):
        found = _version(name)
        if found is None:
            yield Check(name, FAULT, "not installed", f"pip install {name}")
        else:
            yield _new_enough(name, found, least)
    for extra, wanted in needs.items():
        if extra in _OURS:
            continue
        there = [(name, found, least) for name, least in wanted if (found := _version(name)) is not None]
        old = [check for row in there if (check := _new_enough(*row)).state == FAULT]
        install = f"pip install 'tenfold[{extra}]'"
        if len(there) == len(wanted) and not old:
            yield Check(f"[{extra}]", GOOD, f"{len(there)} package{'s' * (len(there) > 1)}")
        elif not old:
            yield Check(f"[{extra}]", MISSING, f"{len(there)} of {len(wanted)}" if there else "none", install)
        yield from old


def _new_enough(name: str, found: str, least: str) -> Check:
    if _numbers(found) >= _numbers(least):
        return Check(name, GOOD, found)
    return Check(name, FAULT, f"{found} is older than {least}", f'pip install --upgrade "{name}>={least}"')


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version before any word, to be compared: (2, 13, 0) for 2.13.0+cpu and 2.13.0rc1."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def _needs() -> dict[str, list[tuple[str, str]]]:
    """The packages that each extra asks for, with the least version ("0" for any); under "" tenfold itself."""
    from importlib import metadata

    try:
        about = metadata.metadata("tenfold")
    except metadata.PackageNotFoundError:
        return {"": []}
    needs: dict[str, list[tuple[str, str]]] = {"": []}
    needs |= {extra: [] for extra in about.get_all("Provides-Extra") or []}
    for text in about.get_all("Requires-Dist") or []:
        what, _, marker = text.partition(";")
        match = re.match(r"([\w.-]+)(\[[^]]*\])?\s*\(?(?:>=\s*([\d.]+))?", what.strip())
        if match is None or match[1] == "tenfold" or ("sys_platform != 'win32'" in marker and os.name == "nt"):
            continue  # an extra of tenfold within another is told of by itself
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        needs.setdefault(extra[1] if extra else "", []).append((match[1], match[3] or "0"))
    return needs


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _builds() -> Iterator[Check]:
    """Packages that stand in one another's way."""
    from importlib import metadata

    several = [
        n for n in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino") if _version(n)
    ]
    if len(several) > 1:
        do = f"pip uninstall {' '.join(several)}, then install the one that you want"
        yield Check("onnxruntime", FAULT, f"{' and '.join(several)} overwrite each other", do)
    torch, vision = _version("torch"), _version("torchvision")
    if torch and vision:
        asked = next((t for t in metadata.requires("torchvision") or [] if re.match(r"torch\s*\(?==", t)), "")
        match = re.search(r"==\s*([\d.]+)", asked)
        fits = match is None or _numbers(match[1]) == _numbers(torch)
        builds = {version.partition("+")[2] for version in (torch, vision) if "+" in version}
        if fits and len(builds) < 2:
            yield Check("torchvision", GOOD, f"{vision}, which tenfold does not need")
        else:
            do = "pip uninstall torchvision, which tenfold does not need, or install both at once from one place"
            yield Check("torchvision", FAULT, f"{vision} is for another torch than {torch}", do)
    for name in ("torch", "numpy", "onnxruntime", "PIL", "scipy", "typer"):
        for path in (Path(f"{name}.py"), Path(name) / "__init__.py"):
            if path.is_file() and "site-packages" not in str(Path.cwd()):
                do = f"rename {path}, or work in another folder"
                yield Check("this folder", FAULT, f"{path} here hides the package {name}", do)


# The machine.


def _usable() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container's share of time."""
    from tenfold.engines.local import cores

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
        yield Check("threads", FAULT, f"{first} wanted, {_cores_text(usable)}", do)
    elif first:
        yield Check("threads", NOTE, f"OMP_NUM_THREADS={first}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = load > usable + 0.5
    do = "other programs compute too: wait, or let torch's threads sleep with OMP_WAIT_POLICY=PASSIVE" if busy else ""
    yield Check("cores", NOTE if busy else GOOD, f"{_cores_text(usable)}, load {load:.1f}", do)


def _cores_text(count: int) -> str:
    return f"{count} core{'s' * (count > 1)}"


def _runs() -> Iterator[Check]:
    """Where runs are written: ./runs, or this folder where there is none yet."""
    import tempfile

    folder = Path("runs") if Path("runs").is_dir() else Path()
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        do = "go to a folder of your own, or name one: tenfold train --out DIR"
        yield Check("runs", FAULT, f"cannot write here: {error.strerror}", do)
        return
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        yield Check(
            "runs", FAULT, f"{free / 1e6:.0f} MB free", "free some space, or name a place: tenfold train --out DIR"
        )
    else:
        yield Check("runs", GOOD, f"can be written, {free / 1e9:.0f} GB free")


# The data, the model, and both wings.


def _mnist() -> Iterator[Check]:
    from tenfold.mnist import embedded

    bad = [check.name for check in embedded.verify(embedded.FOLDER) if not check.good]
    if bad:
        yield Check("MNIST", FAULT, f"{', '.join(bad)}: not the published SHA-256", "install tenfold anew")
    else:
        yield Check("MNIST", GOOD, f"{len(embedded.SHA256)} files, SHA-256 as published")


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
    if bad:
        yield Check("model", FAULT, f"{', '.join(bad)}: missing or damaged", "install tenfold anew")
    else:
        yield Check("model", GOOD, f"{len(listed)} files, SHA-256 as made")


def _reading() -> Iterator[Check]:
    """The reading wing on a few digits, as `tenfold read --single` has them, without PyTorch."""
    import onnxruntime

    from tenfold.read.classifier import DEVICES
    from tenfold.read.reader import Reader

    digits, reader = _some(), Reader(always_answer=True)
    right = sum(
        reader.read(image, single=True).text == str(k) for image, k in zip(digits.images, digits.labels, strict=True)
    )
    there = [name for name, provider in DEVICES.items() if provider in onnxruntime.get_available_providers()]
    state, do = (GOOD, "") if right >= _COUNT - 2 else (FAULT, "install onnxruntime and tenfold anew")
    yield Check("reading", state, f"{right} of {_COUNT} digits; on {', '.join(there)}", do)


def _learning() -> Iterator[Check]:
    """The learning wing: PyTorch's build, and each device."""
    from importlib import util

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
    kind = (
        f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}" if torch.version.hip else ""
    )
    yield Check("torch", GOOD, f"{torch.__version__}{', ' + kind if kind else ''}")
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
        good = apart < _DIFFERENCE.get(name, _COARSE)
        do = "" if good else f"do not trust this device: use another, or {_REINSTALL}"
        yield Check(f"{name} logits", GOOD if good else FAULT, f"{apart:.0e} from onnxruntime's", do)
        finite = all(map(math.isfinite, losses))
        do = "" if finite else f"do not trust this device: use another, or {_REINSTALL}"
        yield Check(f"{name} training", GOOD if finite else FAULT, f"loss {losses[0]:.2f} to {losses[-1]:.2f}", do)


_REINSTALL = "install torch anew as https://pytorch.org/get-started/locally says"


def _device(torch: Any, name: str) -> Check:
    """What a device is."""
    if name != "cpu":
        if name == "cuda":
            names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
            memory = torch.cuda.get_device_properties(0).total_memory / 2**30
            return Check(name, GOOD, f"{len(names)} x {names[0]}, {memory:.0f} GiB")
        return Check(name, GOOD, "is there")
    threads, usable = torch.get_num_threads(), _usable()
    if threads > usable and not os.environ.get("OMP_NUM_THREADS"):
        do = f"set OMP_NUM_THREADS={usable}: more threads than cores wait for one another"
        return Check(name, FAULT, f"{threads} threads on {_cores_text(usable)}", do)
    return Check(name, GOOD, f"{threads} thread{'s' * (threads > 1)} on {_cores_text(usable)}")


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
