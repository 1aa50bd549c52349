"""Every command and program in README.md and docs/ is run, and the guide that is built of them is looked at.

A page's commands are run line by line, in a folder with the pictures, digits and runs that they name. Trainings are
made small, by options: see `shrunk`. A command that stands on several pages is run once: see `Terminal`. The Python
blocks of a page are run as one program. What cannot be run here is in NOT_RUN or NOT_COMMANDS, with the reason; a block
that is neither run nor listed fails.
"""

import importlib.util
import json
import multiprocessing
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from PIL import Image

import tenfold
from conftest import Cli, Nodes, Service, draw_digits, on_paper, write_idx, write_number
from tenfold import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("tenfold", "python", ".venv/bin/python", "torchrun", "curl", "pip", "make", "tensorboard", "mlflow")
QUICK = {"docs/index.md"}  # pages that are run each time; the others are slow
SECONDS = 120  # that a process may take

NOT_RUN = {  # commands: why they are not run here
    r"(\S*python -m )?pip install .*": "fetches packages, into the environment that runs the tests",
    r"python -m venv .*": "goes with pip install",
    r"make \w+.*": "what CI runs; they run the tests, or take the time of the commands that are run here",
    r"(tensorboard|mlflow) .*": "servers of other programs; tests/learn/training/test_trackers.py reads what they show",
    r"tenfold export --format web .*": "npm fetches onnxruntime-web; tests/serve/test_site.py does it",
    r"tenfold (tune|study|read) .*--address \d.*": "other machines; tests/learn/search/test_on_ray.py has nodes here",
    r"tenfold train .*--data \S*mnist.*": "sets of others; tests/mnist/test_named.py has files in their place",
    r"python benchmarks/.*": "measurements of minutes to hours, whose results are committed",
    r"tenfold read .*s3://.*": "an object store; tests/read/many/test_cluster.py has one here",
}
NOT_COMMANDS = {  # blocks, by how they begin: what they are
    r'\{"path": "a.png"': "output, shortened",
}


class Block(NamedTuple):
    page: str
    line: int  # of the page, counted from 1
    kind: str  # "shell", or the language of a fence
    text: str


def blocks(path: Path) -> list[Block]:
    """The indented and fenced blocks of a page."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    k = 0
    while k < len(lines):
        if fence := re.match(r"\s*```(\w*)", lines[k]):
            first = k = k + 1
            while not lines[k].strip().startswith("```"):
                k += 1
            found.append(Block(name, first + 1, fence[1] or "shell", "\n".join(lines[first:k])))
        elif lines[k].startswith("    ") and (k == 0 or not lines[k - 1].strip()):
            first = k
            while k < len(lines) and (lines[k].startswith("    ") or not lines[k].strip()):
                k += 1
            text = "\n".join(lines[first:k]).rstrip()
            indent = min(len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip())
            found.append(Block(name, first + 1, "shell", "\n".join(line[indent:] for line in text.splitlines())))
            continue
        k += 1
    return found


def commands(block: Block) -> list[str]:
    """The commands of a shell block, without the comments, each on a line of its own."""
    return [line.rstrip() for line in block.text.splitlines() if line.strip() and not line.startswith("# ")]


def listed(text: str, where: dict[str, str]) -> bool:
    return any(re.match(pattern, text) for pattern in where)


def program(command: str) -> str:
    """The program of a command, without the variables before it."""
    return next((word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)), "")


ALL = [block for page in PAGES for block in blocks(page)]
SHELL = [b for b in ALL if b.kind == "shell" and not listed(b.text, NOT_COMMANDS)]


@pytest.mark.parametrize("block", ALL, ids=lambda b: f"{b.page}:{b.line}")
def test_every_block_is_run_or_listed(block: Block) -> None:
    if block.kind == "python" or listed(block.text, NOT_COMMANDS):
        return
    assert block.kind == "shell", f"nothing runs {block.kind} blocks"
    for command in commands(block):
        assert program(command) in PROGRAMS, f"what is {command!r}?"
        assert not re.search(r"\S\s{2,}\S|\s#", command), f"a comment has a line of its own: {command!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_are_there_small_and_described(page: Path) -> None:
    for described, name in re.findall(r"!\[(.*?)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert len(described) > 10, f"{name} has no text in its place"
        most = 3_000_000 if name.endswith(".gif") else 300_000
        assert (page.parent / name).stat().st_size <= most, f"{name} is too large"


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_every_exception_is_needed(pattern: str) -> None:
    assert any(re.fullmatch(pattern, command) for block in SHELL for command in commands(block))


@pytest.mark.parametrize("pattern", NOT_COMMANDS)
def test_every_block_that_is_no_command_is_there(pattern: str) -> None:
    assert any(re.match(pattern, block.text) for block in ALL)


# What the pages name.


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures, digits and runs that the pages name."""
    folder = tmp_path_factory.mktemp("stage")
    test = draw_digits(20)
    np.savetxt(folder / "test.csv", test.images.reshape(20, 784), "%d", ",")
    page = on_paper(write_number("2038", 60, seed=3))
    Image.fromarray(page).save(folder / "photo.jpg")
    for place, text in (
        ("digit", "7"),
        ("one", "1"),
        ("two", "2"),
        ("scans/a", "40"),
        ("scans/b", "51"),
        ("scans/c/d", "6"),
    ):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(on_paper(write_number(text, 40, seed=5))).save(folder / f"{place}.png")
    digits = draw_digits(60)
    for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        for name in (f"my-digits/{label}", f"my-letters/{'abc'[label % 3]}"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / name / f"{number}.jpg")  # no .png, of which a page reads all
    write_idx(folder / "small", draw_digits(600), draw_digits(250, seed=1))
    write_idx(folder / "tiny", draw_digits(120), draw_digits(50, seed=1))
    (folder / "site").mkdir()
    (folder / "less").mkdir()
    for name in ("mlp", "cnn"):
        text = json.dumps(tenfold.RECIPES[name].changed(epochs=1).as_dict())
        (folder / "less" / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def trained(stage: Path) -> Path:
    """The same with runs in it, one of them exported."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(stage)
        for words in ("train mlp --data small --epochs 3 --out runs/NAME --quiet", "export runs/NAME"):
            with pytest.raises(SystemExit) as ended:
                cli.main(words.split())
            assert not ended.value.code
            Terminal.done[words] = []
    (stage / "elsewhere").mkdir()
    shutil.move(stage / "runs", stage / "elsewhere" / "runs")
    shutil.copytree(stage / "elsewhere" / "runs" / "NAME", stage / "elsewhere" / "runs" / "OTHER")
    return stage


@pytest.fixture
def place(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where we are."""
    folder = tmp_path / "here"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("elsewhere"))
    shutil.copytree(trained / "elsewhere" / "runs", folder / "runs")
    monkeypatch.chdir(folder)
    return folder


def shrunk(words: list[str]) -> list[str]:
    """A command of tenfold's that does the same with less: few drawn digits, epochs, trials and seeds."""
    words, verb = list(words), words[0]
    for option, most in (("--epochs", 2), ("--trials", 2), ("--seeds", 2), ("--nproc-per-node", 2)):
        if option in words:
            at = words.index(option) + 1
            words[at] = str(min(most, int(words[at])))
    if verb == "read":
        return [word if word != "**/*.png" else "scans/**/*.png" for word in words]  # else every figure of every run
    if verb not in ("train", "tune", "study") and words[:2] != ["data", "export"]:
        return words
    if "--resume" in words:
        return words
    if "--data" not in words:
        words += ["--data", "tiny" if "cnn" in words else "small"]  # of which `cnn` makes a batch, `fast` two
    if verb == "train" and "--epochs" not in words and not any(word.startswith("epochs=") for word in words):
        words += ["--epochs", "1"]
    if verb == "train" and any(word.startswith("my-") for word in words) and "--batch-size" not in words:
        words += ["--batch-size", "200" if "default" in words else "20"]  # of so few it makes hundreds
    if "--init" in words and "--new-head" not in words:
        words += ["--mix", "200", "--final"]  # else it validates on 10,000 of MNIST's digits, with a large network
    if verb == "tune":
        trials = [] if "--trials" in words else ["--trials", "1" if "ray" in words else "2"]
        words += [*trials, "--seeds", "1", "--jobs", "1", "epochs=1"]
    if verb == "study":
        if "--against" in words:
            at = words.index("--against") + 1
            words[at] = f"less/{words[at]}.json"
        words += [*([] if "--seeds" in words else ["--seeds", "2"]), "--jobs", "1", "epochs=1"]
    return words


@pytest.fixture(scope="module", autouse=True)
def _small_figures() -> Iterator[None]:
    """An evaluation draws four digits in place of 32, which take most of its time."""
    pytest.importorskip("torch")
    from tenfold.learn.scoring import evaluation

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluation, "SHOWN", 4)
        yield


@pytest.fixture(scope="module", autouse=True)
def _quick_processes() -> Iterator[None]:
    """Processes for trainings and pictures are forked from one that has PyTorch, in place of loading it each time."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        yield
        return
    context, before = multiprocessing.get_context("forkserver"), multiprocessing.get_context
    context.set_forkserver_preload(
        ["tenfold.learn.training.start", "tenfold.learn.search.jobs", "tenfold.read.many.processes"]
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            multiprocessing, "get_context", lambda method=None: context if method == "spawn" else before(method)
        )
        yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


class Terminal:
    """Runs the commands of a page.

    One that was run on another page already is not run again; if others need what it made, that is put here once more.
    """

    # Verbs from which no other command needs anything.
    ALONE = ("evaluate", "predict", "explain", "data", "serve", "play")
    MAKING = ("train", "tune", "study")  # those that make folders in runs/, of nothing but what each page has
    done: ClassVar[dict[str, list[Path]]] = {}  # commands that were run, on any page, with copies of what they made

    def __init__(self, tenfold_cli: Cli, service: Callable[..., Service], ray: Callable[[], str], kept: Path) -> None:
        self.tenfold_cli, self.start, self.ray, self.kept = tenfold_cli, service, ray, kept
        self.missing: set[str] = set()  # programs that are not on this machine
        self._service: Service | None = None

    @property
    def address(self) -> str:
        """Of a service for requests."""
        self._service = self._service or self.start("--quiet")
        return self._service.address

    def run(self, command: str) -> None:
        if any(re.fullmatch(pattern, command) for pattern in NOT_RUN):
            return
        words = shlex.split(command)
        given: dict[str, str] = {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, given[name] = words.pop(0).partition("=")
        if words[0] in ("python", ".venv/bin/python") and words[1:3] == ["-m", "tenfold"]:
            words = words[2:]
        if words[0] == "tenfold":
            self._once(command, words[1:], given)
        elif words[0] == "torchrun":
            at = words.index("tenfold") + 1
            if "torchrun" in self.done:  # which itself is known to work: the first rank of one is enough
                ranks = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
                self._tenfold(
                    command, words[at:], {**given, **ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _port()}
                )
                return
            self._process([sys.executable, "-m", "torch.distributed.run", *words[1:at], *shrunk(words[at:])], given)
            self.done["torchrun"] = []
        elif words[0] == "curl":
            if shutil.which("curl") is None:
                self.missing.add("curl")
                return
            words = [word.replace("http://127.0.0.1:8000", self.address) for word in words]
            self._process([*words, "--silent", "--show-error", "--fail"], given)
        elif words[1:3] == ["-m", "http.server"]:
            self._http_server(words[1:])
        else:
            raise AssertionError(f"nothing runs {command!r}")

    def _once(self, command: str, words: list[str], given: dict[str, str]) -> None:
        """Run a command of tenfold's, or put here what it made on another page."""
        folder, same = Path("runs"), shlex.join([*sorted(given), *words])
        made = self.done.get(same)
        if made is not None and not any((folder / copy.name).exists() for copy in made):  # else it makes another
            for copy in made:
                shutil.copytree(copy, folder / copy.name)
            return
        if words[0] == "tune":  # the lines of a block are examples, each for itself
            default = f"runs/tune-{words[1]}"
            shutil.rmtree(words[words.index("--out") + 1] if "--out" in words else default, ignore_errors=True)
        before = set(folder.iterdir())
        self._tenfold(command, words, given)
        if words[0] in self.ALONE:
            self.done[same] = []
        elif words[0] in self.MAKING and not any(re.search(r"\.json$|^runs/", word) for word in words):
            self.done[same] = []
            for new in set(folder.iterdir()) - before:
                self.done[same].append(shutil.copytree(new, self.kept / str(len(self.done)) / new.name))

    def _tenfold(self, command: str, words: list[str], given: dict[str, str]) -> None:
        if words[0] in ("serve", "play"):
            self._serve(*words)
        else:
            ray = {"RAY_ADDRESS": self.ray()} if "ray" in words else {}
            with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
                if "ray" in words or "--track" in words:
                    warnings.simplefilter("ignore")  # Ray's and the trackers' own
                for name, value in {**ray, **given}.items():
                    patched.setenv(name, value)
                done = self.tenfold_cli(*shrunk(words))
            assert done.status == 0 or (done.status == 1 and words[0] == "doctor"), f"{command}: {done.err}"

    def _process(self, words: list[str], given: dict[str, str]) -> None:
        variables = {**os.environ, **given}
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS, env=variables)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def _serve(self, verb: str, *words: str) -> None:
        """Start a service, on this machine alone and at a free port, ask for its page, and stop it."""
        alone = ["--no-browser"] if verb == "play" else []
        options = [*(word.replace("0.0.0.0", "127.0.0.1") for word in words), "--port", 0, *alone]
        begun = self.start(*options, verb=verb)
        with urllib.request.urlopen(begun.address, timeout=30) as answer:
            assert b"<title>" in answer.read()
        status, told = begun.stop()
        assert status == 0, told

    def _http_server(self, words: list[str]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-u", *words, "-b", "127.0.0.1", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert process.stdout is not None
            assert b"Serving HTTP" in process.stdout.readline()
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def _ray(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Gives the address of a cluster of one core; that tenfold begins one of its own is tested with the engines."""
    added: list[tuple[Nodes, Any]] = []

    def address() -> str:
        if not added:
            head: Nodes = request.getfixturevalue("_head")
            added.append((head, head.add()))
        return added[0][0].address

    yield address
    for head, node in added:
        head.kill(node)


@pytest.fixture
def terminal(
    place: Path, kept: Path, tenfold_cli: Cli, service: Callable[..., Service], _ray: Callable[[], str]
) -> Terminal:
    """A terminal in the folder with all that pages name."""
    return Terminal(tenfold_cli, service, _ray, kept)


def _port() -> str:
    """A free one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def _pages(kind: str) -> list[Any]:
    names = dict.fromkeys(block.page for block in (SHELL if kind == "shell" else ALL) if block.kind == kind)
    return [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in names]


@pytest.mark.parametrize("page", _pages("shell"))
def test_commands(page: str, terminal: Terminal) -> None:
    lines = [command for block in SHELL if block.page == page for command in commands(block)]
    if not any("--out runs/first" in line for line in lines):
        shutil.copytree("runs/NAME", "runs/first")
    for line in lines:
        terminal.run(line)
    if terminal.missing:
        pytest.skip(f"all else was run, but there is no {', '.join(terminal.missing)} here")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("tenfold read none.jpg", "none.jpg"),
        ("tenfold evaluate runs/NAME --reprot r.html", "unknown option"),
        ("OMP_NUM_THREADS=1 tenfold train gone", "gone"),
        ("tenfold tune mlp --trials 2 none=1,2", "none"),
        ("curl http://127.0.0.1:8000/v1/none", "404"),
        ("rm -r photo.jpg", "nothing runs"),
    ],
)
def test_a_command_that_fails_is_found(terminal: Terminal, command: str, says: str) -> None:
    for _ in range(2):  # and is not taken for done
        with pytest.raises(AssertionError, match=says):
            terminal.run(command)
        if terminal.missing:
            pytest.skip("there is no curl here")


def test_what_a_command_made_on_another_page_is_put_here(terminal: Terminal) -> None:
    terminal.run("tenfold train mlp --quiet --seed 3")
    (made,) = Path("runs").glob("*-mlp")
    weights = (made / "model.safetensors").read_bytes()
    shutil.rmtree(made)
    (terminal.done["train mlp --quiet --seed 3"][0] / "mark").touch()
    terminal.run("tenfold train mlp --quiet --seed 3")
    assert (made / "model.safetensors").read_bytes() == weights
    assert (made / "mark").exists()


SMALLER = """
import tenfold

_train, _study, _tune = tenfold.train, tenfold.study, tenfold.tune
_SMALL = {"data": "small", "epochs": 1}
tenfold.train = lambda *given, **more: _train(*given, **{**more, **_SMALL})
tenfold.study = lambda *given, **more: _study(*given, **{**more, "seeds": 2, "jobs": 1, "common": _SMALL})
tenfold.tune = lambda *given, **more: _tune(*given, **{**more, "trials": 2, "seeds": 1, "jobs": 1, **_SMALL})
"""


def python(page: str) -> str:
    """The Python blocks of a page as one program, with less to train."""
    text = "\n".join(block.text for block in ALL if block.page == page and block.kind == "python")
    return (SMALLER if re.search(r"tenfold\.(train|study|tune)\(", text) else "") + text


def execute(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program, in this process; what it does to tenfold is undone at the test's end.

    That one which is a file may begin processes as it is, without a guard, is tested in
    tests/learn/search/test_study.py.
    """
    for name in ("train", "study", "tune"):
        monkeypatch.setattr(tenfold, name, getattr(tenfold, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", category=DeprecationWarning, module="__main__")
        exec(compile(text, "page.py", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", _pages("python"))
def test_python(page: str, place: Path, service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> None:
    text = python(page)
    if "127.0.0.1:8000" in text:
        text = text.replace("127.0.0.1:8000", service("--quiet").address.removeprefix("http://"))
    if "runs/first" in text:
        shutil.copytree("runs/NAME", "runs/first")
    execute(text, monkeypatch)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import tenfold\ntenfold.Reader().reed('photo.jpg')", AttributeError),
        ("import tenfold\ntenfold.train('mlp', ephocs=1)", tenfold.TenfoldError),
        ("print(", SyntaxError),
        ("import warnings\nwarnings.warn('old', DeprecationWarning)", DeprecationWarning),
    ],
)
def test_a_program_that_fails_is_found(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        execute(SMALLER + text, monkeypatch)


# The guide.


def _build() -> Any:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _page(body: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><a href=index.html>i</a><a href=a.html>a</a>{body}</body></html>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(_page('<h2 id="tenfold.train">train</h2>'))
    (tmp_path / "a.html").write_text(_page('<h2 id="b">b</h2><a href="#b">b</a><a href="https://example.org">e</a>'))
    return tmp_path


@pytest.mark.parametrize(
    ("body", "head", "says"),
    [
        ('<a href="c.html">c</a>', "", "links to c.html, which is not there"),
        ('<a href="index.html#none">c</a>', "", "there is no such anchor"),
        ('<a href="#none">c</a>', "", "there is no such anchor"),
        ('<a href="../outside.json">c</a>', "", "links to ../outside.json, which is not there"),
        ('<img src="none.png">', "", "links to none.png, which is not there"),
        ('<img src="https://example.org/a.png">', "", "loads https://example.org/a.png from elsewhere"),
        ("", '<script src="//unpkg.com/mermaid"></script>', "loads //unpkg.com/mermaid from elsewhere"),
        ("", '<link rel="preconnect" href="https://fonts.gstatic.com">', "loads https://fonts.gstatic.com from"),
        ("", "<style>@font-face{src:url(https://f.org/a.woff)}</style>", "loads https://f.org/a.woff from elsewhere"),
    ],
)
def test_faults_of_a_site_are_found(site: Path, tmp_path: Path, body: str, head: str, says: str) -> None:
    (tmp_path.parent / "outside.json").write_text("")
    faults = _build().faults
    assert list(faults(site, ["tenfold.train"], ["index.html", "a.html"])) == []
    (site / "a.html").write_text(_page(body, head))
    (found,) = faults(site, ["tenfold.train"], ["index.html", "a.html"])
    assert says in found


def test_pages_and_names_that_are_missing_are_found(site: Path) -> None:
    (site / "lost.html").write_text(_page(""))
    (site / "a.css").write_text("@font-face { src: url(https://example.org/a.woff2) }")
    found = list(_build().faults(site, ["tenfold.train", "tenfold.tune"], ["index.html", "b.html"]))
    assert found == [
        "b.html was not built",
        "lost.html is not in the navigation",
        "a.css loads https://example.org/a.woff2 from elsewhere",
        "tenfold.tune is not documented",
    ]


def test_a_notebook_becomes_pages(tmp_path: Path) -> None:
    picture = {
        "data": {"image/png": "iVBO", "text/plain": "A seven."},
        "metadata": {"image/png": {"alt": "A seven.", "width": 20}},
    }
    said = {"output_type": "stream", "text": ["7\n", "8\n"]}
    told = "# What?\n\n1. [On](#1.-On,-on!)\n\n<details>\n<summary>A</summary>\n\nb\n\n</details>"
    cells = [("markdown", told, []), ("markdown", "## 1. On, on!", []), ("code", "draw(7)", [picture, said])]
    cells.append(("markdown", "### Exercise 1: draw", []))
    names = ("cell_type", "source", "outputs")
    notebook = {"cells": [dict(zip(names, cell, strict=True)) for cell in cells]}
    assert _build().lesson(notebook, tmp_path / "lesson") == ["index.md", "1-on-on.md"]
    index, page = ((tmp_path / "lesson" / name).read_text() for name in ("index.md", "1-on-on.md"))
    assert "`make lesson`" in index
    assert "1. [On](1-on-on.md)" in index
    assert '<details markdown="1">' in index
    shown = "![A seven.](2-0.png){ width=20 }\n\n```text\n7\n8\n```"
    assert page == f"# 1. On, on!\n\n```python\ndraw(7)\n```\n\n{shown}\n\n## Exercise 1: draw\n"
    assert (tmp_path / "lesson" / "2-0.png").read_bytes() == b"\x89PN"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings")
    out = tmp_path_factory.mktemp("guide") / "site"
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", "--out", out],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.slow
def test_the_guide_is_whole(guide: Path) -> None:
    for page in PAGES[1:]:
        assert (guide / f"{page.stem}.html").is_file()
    first = (guide / "lesson" / "1-look-at-the-digits.html").read_text(encoding="utf-8")
    assert re.search(r'<img alt="Ten rows of fifteen handwritten digits[^>]+ width="\d+"', first)
    assert len(list((guide / "lesson").glob("*.html"))) == 19
    reference = (guide / "reference.html").read_text(encoding="utf-8")
    assert (
        "The probability from which a lone digit or a number is sure" in reference
    )  # an argument, as its docstring has it


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        [
            ("data.md", "\n[gone](gone.md)\n", "gone.md"),
            ("data.md", "\n[lost](training.md#lost)\n", "lost"),
            ("reference.md", "\n::: tenfold.nothing\n", "tenfold.nothing"),
        ],
        [("stray.md", "# Stray\n", "stray.html is not in the navigation")],
    ],
    ids=["what Zensical finds", "what it does not find"],
)
def test_a_build_of_what_is_wrong_fails(
    guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: list[tuple[str, str, str]]
) -> None:
    module = _build()
    copied = module.copied

    def spoilt(folder: Path) -> None:
        copied(folder)
        for page, more, _ in wrong:
            with open(folder / "docs" / page, "a", encoding="utf-8") as file:
                file.write(more)

    monkeypatch.setattr(module, "copied", spoilt)
    faults = "\n".join(module.build(tmp_path / "site"))
    for _, _, says in wrong:
        assert says in faults


def test_the_tests_that_contributing_names_are_there() -> None:
    named = re.findall(r"pytest '?(tests/[\w/.]+)(?:::(\w+))?", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(named) == 5
    for path, name in named:
        file = ROOT / path
        assert file.exists()
        assert not name or f"\ndef {name}(" in file.read_text(encoding="utf-8")


def test_the_blocks_of_a_page_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n    # a picture\n    tenfold read a.jpg\n    tenfold train\n\n- item\n  goes on\n\n"
        "        A=1 make b\n\n"
        "```python\nprint()\n```\n"
    )
    first, second, third = blocks(page)
    assert commands(first) == ["tenfold read a.jpg", "tenfold train"]
    assert (commands(second), program("A=1 make b")) == (["A=1 make b"], "make")
    assert (third.kind, third.text, third.line) == ("python", "print()", 13)
