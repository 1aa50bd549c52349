"""The model file: an ONNX graph that normalises digits and classifies them, run by onnxruntime."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold import documents
from tenfold.errors import DeviceError, FormatError, RunError, TenfoldError, one_line
from tenfold.read import limits, model_file
from tenfold.read.finding.paper import Ink
from tenfold.read.model_file import Contents

if TYPE_CHECKING:
    import onnxruntime

BUNDLED = Path(__file__).parent.parent / "models" / "digits.onnx"
CROP = 64  # pixels: digits larger than this are averaged down to it, so that the graph's sampling misses nothing
_BATCH = 128  # digits, whose intermediate results fit in the cache
DIGITS_FORMAT, LINES_FORMAT = "tenfold-reader", "tenfold-lines"  # how the format of a model file begins
MEMORY = 2**32  # bytes that all models of a process may compute in, but for those that come with tenfold
DEVICES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}

_OTHERS: "WeakSet[onnxruntime.InferenceSession]" = WeakSet()  # the sessions of models that are not bundled
T = TypeVar("T")


@dataclass(frozen=True)
class Description:
    """What a model file says about itself."""

    classes: tuple[str, ...]
    rejects: bool  # whether it knows what is no digit
    temperature: float
    threshold: float  # the probability from which an answer counts as sure
    metadata: dict[str, Any]  # all of it


class Classifier:
    """A model file, loaded. Calls from several threads at once are safe."""

    def __init__(
        self, model: str | Path | bytes | None = None, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Load a model file, by default the bundled one, or the bytes of one.

        `device` is cpu, cuda, coreml, or auto for the first that this onnxruntime has; `threads` share the work of one
        call, by default as many as there are cores. Raises RunError for a file that cannot be used, DeviceError.
        """
        model = model if isinstance(model, bytes) else _file(model)
        name = "the model" if isinstance(model, bytes) else str(model)
        self.session: onnxruntime.InferenceSession
        self.description: Description
        self.session, self.description = open_model(model, name, device, threads, _description)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.description.classes

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N, K) of ink float32 (N, 1, H, W), bright on 0, one digit to an image."""
        if not len(images):
            return np.zeros((0, len(self.classes)), np.float32)
        return self._run("logits", images)

    def normalised(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network sees of ink (N, 1, H, W): (N, 1, 28, 28), as the graph normalises it."""
        return self._run("normalised", images) if len(images) else np.zeros((0, 1, 28, 28), np.float32)

    def _run(self, output: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = []
        for k in range(0, len(images), _BATCH):
            limits.check()
            parts.append(run(self.session, output, {"image": images[k : k + _BATCH]}))
        found: NDArray[np.float32] = np.concatenate(parts)
        if found.ndim < 2 or len(found) != len(images) or (output == "logits" and found.shape[1:] != self._shape):
            raise RunError(f"the model answers {len(images)} images with {output} of the shape {found.shape}")
        return found

    @property
    def _shape(self) -> tuple[int]:
        return (len(self.classes),)

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (N, K + 1) of the classes, and in the last column of being none of them.

        Softmax at the model's temperature. For a model that rejects the logit of "none" is 0; else it is 0 in all.
        """
        logits = self.logits(images).astype(np.float64) / self.description.temperature
        none = np.full((len(logits), 1), 0.0 if self.description.rejects else -np.inf)
        logits = np.concatenate([logits, none], axis=1)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)  # type: ignore[no-any-return]

    def crops(self, inks: Sequence[Ink]) -> NDArray[np.float32]:
        """Ink of any sizes (H, W), one digit each, as one batch (N, 1, S, S), where S is 64 or less."""
        fitting = [shrink(ink, CROP) for ink in inks]
        side = max((max(ink.shape) for ink in fitting), default=CROP)
        batch = np.zeros((len(inks), 1, side, side), np.float32)
        for place, small in zip(batch[:, 0], fitting, strict=True):
            place[: small.shape[0], : small.shape[1]] = small
        return batch


def shrink(ink: Ink, side: int) -> Ink:
    """Ink averaged down so that its longer side is at most `side` pixels."""
    longest = max(ink.shape)
    if longest <= side:
        return ink
    size = (max(1, round(ink.shape[1] * side / longest)), max(1, round(ink.shape[0] * side / longest)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(ink)).resize(size, Image.Resampling.BOX))


def model_bytes(model: str | Path | None = None) -> bytes:
    """What a model file holds, by default the bundled one. Raises RunError where there is none."""
    path = _file(model)
    try:
        with open(path, "rb") as file:
            return file.read(model_file.LARGEST + 1)  # of which no more than one less is used
    except OSError as error:
        hint = f": `tenfold export {path}` makes one" if path.is_dir() else ""
        raise RunError(f"there is no model file {path}{hint}") from error


def _file(model: str | Path | None) -> Path:
    """The model file that a path means: itself, or what a run was exported to."""
    path = Path(model) if model is not None else BUNDLED
    return path / "model.onnx" if path.is_dir() and (path / "model.onnx").is_file() else path


def open_model(
    model: str | Path | bytes, name: str, device: str, threads: int | None, describe: Callable[[Contents], T]
) -> "tuple[onnxruntime.InferenceSession, T]":
    """A model file opened by onnxruntime, and what it says of itself, which is looked at before.

    Raises RunError for one that cannot be used, DeviceError.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # what is wrong is raised
    onnxruntime.disable_telemetry_events()  # whatever a build may have of it
    there = onnxruntime.get_available_providers()
    if device == "auto":
        device = next((name for name in ("cuda", "coreml") if DEVICES[name] in there), "cpu")
    if device not in DEVICES or DEVICES[device] not in there:
        known = ", ".join(name for name, provider in DEVICES.items() if provider in there)
        raise DeviceError(f"this onnxruntime has no device {device!r}: there is {known}")
    raw = model if isinstance(model, bytes) else model_bytes(model)
    try:
        described = describe(model_file.contents(raw))
    except FormatError as error:
        raise RunError(f"cannot use {name}: it is damaged, or no ONNX file of ours ({one_line(error)})") from error
    except RunError as error:
        raise RunError(f"{name} {error}") from error
    options = onnxruntime.SessionOptions()
    ours = isinstance(model, str | Path) and Path(model).parent == BUNDLED.parent
    if not ours:
        _limit_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        providers = [DEVICES[device], *([DEVICES["cpu"]] if device != "cpu" else [])]
        again = int(device != "cpu")  # on the CPU alone that would print, and fail once more
        session = onnxruntime.InferenceSession(raw, options, providers=providers, enable_fallback=again)
    except Exception as error:  # onnxruntime has a dozen kinds, without a common base
        raise RunError(f"cannot use {name}: it is damaged, or no ONNX file ({one_line(error)[:120]})") from error
    if not ours:
        _OTHERS.add(session)
    return session, described


@cache
def _limit_memory() -> None:
    """Bound what models compute in: a graph of a few bytes may ask for any size."""
    import onnxruntime

    kinds = onnxruntime.OrtAllocatorType, onnxruntime.OrtMemType
    place = onnxruntime.OrtMemoryInfo("Cpu", kinds[0].ORT_ARENA_ALLOCATOR, 0, kinds[1].DEFAULT)
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg({"max_mem": MEMORY}))


@contextmanager
def _ended(session: "onnxruntime.InferenceSession") -> "Iterator[onnxruntime.RunOptions | None]":
    """Options by which a run ends at the deadline. Bundled models need none, and a thread that watches costs time."""
    if session not in _OTHERS:
        yield None
        return
    import onnxruntime

    options, deadline = onnxruntime.RunOptions(), limits.current()
    stop = partial(setattr, options, "terminate", True)
    with deadline.ending(stop), deadline.timing(stop):
        yield options


def run(session: "onnxruntime.InferenceSession", output: str, given: dict[str, Any]) -> NDArray[np.float32]:
    """An output of a model. Raises RunError where it cannot be computed, or is no numbers.

    One that is not bundled ends at the deadline, before its next operator. Raises as `limits.check` does.
    """
    try:
        with _ended(session) as options:
            found: NDArray[np.float32] = session.run([output], given, options)[0]
        sum_ = found.sum(dtype=np.float64)
    except TenfoldError:
        raise
    except Exception as error:
        limits.check()
        raise RunError(f"the model cannot be run: {one_line(error)[-160:]}") from error
    if np.isnan(sum_):
        raise RunError(f"the model's {output} are no numbers: its weights are damaged, or too large")
    return found


def metadata(contents: Contents) -> dict[str, Any]:
    """What a model file says about itself."""
    return {key: _value(text) for key, text in contents.metadata.items()}


def _description(contents: Contents) -> Description:
    described = metadata(contents)
    if str(described.get("format", "")).startswith(LINES_FORMAT):
        raise RunError("reads lines: this is for models that read one digit")
    if not str(described.get("format", "")).startswith(DIGITS_FORMAT):
        raise RunError("is an ONNX file, but none of tenfold's: `tenfold export RUN` makes one")
    said = checked(described, rejects=(bool, {}), temperature=(float, {"ge": 1e-3, "le": 1e3}))
    check_sizes(contents.inputs, "image", (0, 1, 0, 0))
    check_sizes(contents.outputs, "logits", (0, len(said["classes"])))
    return Description(**said, metadata=described)


def checked(described: dict[str, Any], **more: tuple[type, Mapping[str, float]]) -> dict[str, Any]:
    """Of what a model file says: its classes, its threshold, and what else is wanted of a type and in a range.

    Raises RunError for others.
    """
    from msgspec import Meta

    ranged: Callable[..., Any] = Meta
    several = Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]
    kinds: dict[str, Any] = {"classes": several, "threshold": Annotated[float, Meta(ge=0.0, le=1.0)]}
    kinds |= {name: Annotated[kind, ranged(**bounds)] if bounds else kind for name, (kind, bounds) in more.items()}
    said: dict[str, Any] = {}
    for name, kind in kinds.items():
        try:
            said[name] = documents.converted(described.get(name), kind)
        except FormatError as error:
            raise RunError(f"does not fit this version of tenfold: its {name}: {error}") from error
    return said


def check_sizes(there: dict[str, tuple[int, ...]], name: str, wanted: tuple[int, ...]) -> None:
    """Raise RunError unless an input or output is there, of these sizes; 0 is any."""
    sizes = there.get(name)
    if (
        sizes is None
        or len(sizes) != len(wanted)
        or any(a and b and a != b for a, b in zip(sizes, wanted, strict=True))
    ):
        raise RunError(f"does not fit this version of tenfold: its {name} are {sizes}, not {wanted}; 0 is any size")


def _value(text: str) -> Any:
    """What a text says in JSON, or the text itself."""
    try:
        return documents.decoded(text, object)
    except FormatError:
        return text
