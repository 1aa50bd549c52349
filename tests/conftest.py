"""Small synthetic digits, a command line in the test's own process, and the service there and as a process."""

import os

# Before torch is loaded: threads that wait sleep. Small networks beside anything else take a fraction of the time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # which has as many processes as there are cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pytest
import typer

from tenfold import cli
from tenfold.mnist import idx
from tenfold.mnist.digits import Digits

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from tenfold.learn.training.runs import Run

# A shell's background job ignores Ctrl-C, and hands that on to every process that a test would stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Which of seven segments each digit lights: top, top left, top right, middle, bottom left, bottom right, bottom.
SEGMENTS = [
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
]
PLACES = [
    (4, 6, 9, 19),
    (4, 14, 9, 11),
    (4, 14, 17, 19),
    (13, 15, 9, 19),
    (13, 23, 9, 11),
    (13, 23, 17, 19),
    (21, 23, 9, 19),
]


def draw_digits(count: int, seed: int = 0) -> Digits:
    """Seven-segment digits 28 x 28, every class equally often, shifted and dimmed at random, on a noisy ground."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = generator.integers(0, 20, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        shape = np.zeros((28, 28), np.uint8)
        for lit, (top, bottom, left, right) in zip(SEGMENTS[label], PLACES, strict=True):
            if lit == "1":
                shape[top:bottom, left:right] = generator.integers(180, 255)
        np.maximum(image, np.roll(shape, generator.integers(-2, 3, 2), (0, 1)), out=image)
        image[[0, -1], :] = image[:, [0, -1]] = 0
    order = generator.permutation(count)
    return Digits(images[order], labels[order].astype(np.int64))


def write_idx(folder: Path, train: Digits, test: Digits | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, digits in (("train", train), ("t10k", test)):
        if digits is not None:
            idx.write(folder / f"{stem}-images-idx3-ubyte", digits.images)
            idx.write(folder / f"{stem}-labels-idx1-ubyte.gz", digits.labels.astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def digits() -> Digits:
    return draw_digits(600)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IDX files of 600 training and 200 test digits."""
    return write_idx(tmp_path_factory.mktemp("data"), draw_digits(600), draw_digits(200, seed=1))


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """A run of a small `mlp` over `data`, that no test changes."""
    from learn.trainings import TINY
    from tenfold.learn.train import train

    return train("mlp", data=data, out=tmp_path_factory.mktemp("trained") / "r", epochs=2, **TINY)


@pytest.fixture
def run(trained: "Run", tmp_path: Path) -> "Run":
    """The same, as the test's own, in the folder r."""
    from tenfold.learn.training.runs import Run

    return Run(Path(shutil.copytree(trained.path, tmp_path / "r")), trained.recipe)


@pytest.fixture
def few_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations draw two digits in each figure, as more take seconds."""
    from tenfold.learn.scoring import evaluation

    monkeypatch.setattr(evaluation, "SHOWN", 2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def until(
    condition: Callable[[], object], running: "subprocess.Popen[str] | None" = None, seconds: float = 300
) -> None:
    """Wait until a condition holds, while a process runs. The limit is for a machine with much else to do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        assert running is None or running.poll() is None
        time.sleep(0.02)


def marked(mark: str) -> list[str]:
    """The processes that have a mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [line for line in found if line]  # a process that is dead and not yet waited for has none


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def tenfold_cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`tenfold …` as (status, standard output, standard error)."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return call


def verbs(group: Any = None, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words of each verb, such as ("data", "show"), and its command."""
    group = group or typer.main.get_command(cli.application())
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, *words, name)
        else:
            yield (*words, name), command


def write_number(text: str, size: int = 60, seed: int = 0, gap: float = 0.3, margin: float = 0.8) -> np.ndarray:
    """A number in MNIST's own handwriting as ink float32 (H, W), `size` pixels high; gaps and margins in heights."""
    from PIL import Image

    from tenfold.mnist import embedded

    digits, generator = embedded.read("train"), np.random.default_rng(seed)
    edge = int(margin * size)
    page = np.zeros((size + 2 * edge, int((len(text) * (1.2 + max(gap, 0)) + text.count(" ") * 1.5) * size) + 2 * edge))
    x = edge
    for sign in text:
        if sign == " ":
            x += int(1.5 * size)
            continue
        image = digits.images[generator.choice(np.flatnonzero(digits.labels[:5000] == int(sign)))]
        rows, columns = np.flatnonzero(image.max(1) > 40), np.flatnonzero(image.max(0) > 40)
        image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        width = max(3, round(image.shape[1] / image.shape[0] * size))
        drawn = np.asarray(Image.fromarray(image).resize((width, size), Image.Resampling.BICUBIC)) / 255
        page[edge : edge + size, x : x + width] = np.maximum(page[edge : edge + size, x : x + width], drawn)
        x += width + int(gap * size)
    return page[:, : x + edge].astype(np.float32)


def on_paper(ink: np.ndarray, paper: float = 0.9, seed: int = 0) -> np.ndarray:
    """Ink as dark strokes on paper with a little noise: uint8 (H, W)."""
    noise = np.random.default_rng(seed).normal(0, 0.01, ink.shape)
    return (np.clip(paper * (1 - 0.8 * ink) + noise, 0, 1) * 255).astype(np.uint8)


Client = Callable[..., "TestClient"]


@pytest.fixture
def client() -> Iterator[Client]:
    """A function that starts the service's application with some settings, and returns a client of it."""
    from fastapi.testclient import TestClient

    from tenfold.serve.application import create
    from tenfold.serve.settings import Settings

    begun: list[TestClient] = []

    def start(*, raising: bool = True, **settings: Any) -> TestClient:
        made = TestClient(create(Settings(**{"log": False, **settings})), raise_server_exceptions=raising)
        begun.append(made)
        return made.__enter__()

    yield start
    for one in begun:
        one.__exit__()


class Service:
    """`tenfold serve`, or `tenfold play`, as a process: its address, and how it ended."""

    def __init__(self, *options: object, verb: str = "serve") -> None:
        command = [sys.executable, "-m", "tenfold", verb, "--port", "0", *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        if found is None:
            raise AssertionError(f"no address in {line!r}: {self.process.communicate(timeout=60)[1]}")
        self.address = found[0]

    def stop(self, how: int = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; its exit status and what it wrote on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60), self.process.communicate(timeout=60)[1]


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    """A function that starts `tenfold serve`, or another verb that serves, with some options."""
    begun: list[Service] = []

    def start(*options: object, verb: str = "serve") -> Service:
        begun.append(Service(*options, verb=verb))
        return begun[-1]

    yield start
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@contextmanager
def _importable() -> Iterator[None]:
    """Let processes that begin in the block import what the tests define."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield


class Nodes:
    """A cluster of several Ray nodes on this machine: a head without cores, to which nodes of one core are added."""

    # A dead node is noticed after two seconds, in place of twenty.
    ALERT: ClassVar = {
        "health_check_initial_delay_ms": 500,
        "health_check_period_ms": 500,
        "health_check_timeout_ms": 1000,
        "health_check_failure_threshold": 3,
    }

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        with _importable():
            head = {"num_cpus": 0, "include_dashboard": False, "_system_config": self.ALERT}
            self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._added: list[Any] = []
        self.address: str = self._cluster.address

    def add(self, cores: int = 1) -> Any:
        """Begin a node; what is returned names it."""
        with _importable():
            self._added.append(self._cluster.add_node(num_cpus=cores))
        return self._added[-1]

    def kill(self, node: Any) -> None:
        """End a node at once, as a power cut would."""
        self._added.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def clear(self) -> None:
        """End all nodes but the head."""
        for node in list(self._added):
            self.kill(node)

    def close(self) -> None:
        """End it all."""
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def _head() -> Iterator[Nodes]:
    pytest.importorskip("ray")
    begun = Nodes()
    yield begun
    begun.close()


@pytest.fixture
def nodes(_head: Nodes) -> Iterator[Nodes]:
    """The head of a Ray cluster; the test adds its nodes, and kills some."""
    yield _head
    _head.clear()
