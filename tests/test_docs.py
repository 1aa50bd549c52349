"""Every command and program in README.md and docs/ is run, and the guide that is built of them is looked at.

A page's commands are run line by line, in a folder with the pictures, digits and runs that they name. Trainings are
made small, by options: see `shrunk`. Its Python blocks are run as one program. What cannot be run here is in NOT_RUN or
NOT_COMMANDS, with the reason; a block that is neither run nor listed fails.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from PIL import Image

from conftest import Cli, Service, draw_digits, on_paper, write_idx, write_number
from tenfold import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("tenfold", "python", ".venv/bin/python", "torchrun", "curl", "pip", "make", "docker", "optuna-dashboard")
QUICK = {"docs/index.md"}  # pages that are run each time; the others are slow
SECONDS = 120  # that a process may take

NOT_RUN = {  # commands: why they are not run here
    r"(\S*python -m )?pip install .*": "fetches packages, into the environment that runs the tests",
    r"python -m venv .*": "goes with pip install",
    r"make \w+.*": "what CI runs; they run the tests, or take the time of the commands that are run here",
    r"\S*python -m pytest": "this",
    r"tenfold export --format web .*": "npm fetches onnxruntime-web; tests/serve/test_site.py does it",
    r"tenfold (tune|study|read) .*--address \d.*": "other machines; tests/learn/test_on_ray.py has nodes here",
    r"tenfold read .*s3://.*": "an object store; tests/read/test_cluster.py has one here",
}
NOT_COMMANDS = {  # blocks, by how they begin: what they are
    r"runs/2026": "the files of a run: see test_a_run_has_the_files_that_are_named",
    r"src/tenfold/\n": "the folders: see test_what_is_where",
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
    """The commands of a shell block; what follows two spaces or more is an explanation."""
    return [re.split(r"\s{2,}", line)[0] for line in block.text.splitlines() if line.strip()]


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
    write_idx(folder / "small", draw_digits(600), draw_digits(100, seed=1))
    write_idx(folder / "tiny", draw_digits(120), draw_digits(50, seed=1))
    (folder / "site").mkdir()
    return folder


@pytest.fixture(scope="session")
def trained(stage: Path) -> Path:
    """The same with runs in it, one of them exported."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(stage)
        for words in ("train mlp --data small --epochs 1 --out runs/NAME --quiet", "export runs/NAME"):
            with pytest.raises(SystemExit) as ended:
                cli.main(words.split())
            assert not ended.value.code
    (stage / "elsewhere").mkdir()
    shutil.move(stage / "runs", stage / "elsewhere" / "runs")
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
    if verb not in ("train", "tune", "study") and words[:2] != ["data", "export"]:
        return words
    if "--resume" in words:
        return words
    if "--data" not in words:
        words += ["--data", "tiny" if "cnn" in words else "small"]  # of which `cnn` makes a batch, `fast` two
    if verb == "train" and "--epochs" not in words:
        words += ["--epochs", "1"]
    if verb == "train" and any(word.startswith("my-") for word in words) and "--batch-size" not in words:
        words += ["--batch-size", "20"]
    if "--init" in words and "--new-head" not in words:
        words += ["--mix", "200", "--final"]  # else it validates on 10,000 of MNIST's digits, with a large network
    if verb == "tune":
        words += [*([] if "--trials" in words else ["--trials", "2"]), "--seeds", "1", "--jobs", "1"]
    if verb == "study":
        words += [*([] if "--seeds" in words else ["--seeds", "2"]), "--jobs", "1"]
    return words


class Terminal:
    """Runs the commands of a page."""

    ONCE = ("evaluate", "predict", "explain", "data", "serve")  # verbs from which no other command needs anything
    done: ClassVar[set[str]] = set()  # commands with them, on any page

    def __init__(self, tenfold_cli: Cli, service: Callable[..., Service]) -> None:
        self.tenfold_cli, self.start = tenfold_cli, service
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
        if words[0] == "tenfold" and words[1] in self.ONCE:
            if shlex.join(words) in self.done:
                return
            self.done.add(shlex.join(words))
        if words[0] == "tenfold" and words[1] == "serve":
            self._serve(words[2:])
        elif words[0] == "tenfold" and not given and "ray" not in words:  # whose warnings are its own
            if words[1] == "tune":  # the lines of a block are examples, each for itself
                shutil.rmtree(f"runs/tune-{words[2]}", ignore_errors=True)
            done = self.tenfold_cli(*shrunk(words[1:]))
            assert done.status == 0 or (done.status == 1 and words[1] == "doctor"), f"{command}: {done.err}"
        elif words[0] == "tenfold":
            self._process([sys.executable, "-m", "tenfold", *shrunk(words[1:])], given)
        elif words[0] == "torchrun":
            at = words.index("tenfold") + 1
            self._process([sys.executable, "-m", "torch.distributed.run", *words[1:at], *shrunk(words[at:])], given)
        elif words[0] == "curl":
            if shutil.which("curl") is None:
                pytest.skip("there is no curl here")
            words = [word.replace("http://127.0.0.1:8000", self.address) for word in words]
            self._process([*words, "--silent", "--show-error", "--fail"], given)
        elif words[1:3] == ["-m", "http.server"]:
            self._http_server(words[1:])
        else:
            raise AssertionError(f"nothing runs {command!r}")

    def _process(self, words: list[str], given: dict[str, str]) -> None:
        variables = {**os.environ, **given}
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS, env=variables)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def _serve(self, words: list[str]) -> None:
        """Start a service, on this machine alone and at a free port, ask for its page, and stop it."""
        begun = self.start(*[word.replace("0.0.0.0", "127.0.0.1") for word in words], "--port", 0)
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


def _pages(kind: str) -> list[Any]:
    names = dict.fromkeys(block.page for block in (SHELL if kind == "shell" else ALL) if block.kind == kind)
    return [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in names]


@pytest.mark.parametrize("page", _pages("shell"))
def test_commands(page: str, place: Path, tenfold_cli: Cli, service: Callable[..., Service]) -> None:
    terminal = Terminal(tenfold_cli, service)
    lines = [command for block in SHELL if block.page == page for command in commands(block)]
    if not any("--out runs/first" in line for line in lines):
        shutil.copytree("runs/NAME", "runs/first")
    for line in lines:
        terminal.run(line)


SMALLER = """
import tenfold

_train, _study, _tune = tenfold.train, tenfold.study, tenfold.tune
_SMALL = {"data": "small", "epochs": 1}
tenfold.train = lambda *given, **more: _train(*given, **{**more, **_SMALL})
tenfold.study = lambda *given, **more: _study(*given, **{**more, "seeds": 2, "common": _SMALL})
tenfold.tune = lambda *given, **more: _tune(*given, **{**more, "trials": 2, "seeds": 1, **_SMALL})
"""


@pytest.mark.parametrize("page", _pages("python"))
def test_python(page: str, place: Path, service: Callable[..., Service]) -> None:
    text = "\n".join(block.text for block in ALL if block.page == page and block.kind == "python")
    if "127.0.0.1:8000" in text:
        text = text.replace("127.0.0.1:8000", service("--quiet").address.removeprefix("http://"))
    Path("page.py").write_text((SMALLER if re.search(r"tenfold\.(train|study|tune)\(", text) else "") + text)
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "page.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_a_run_has_the_files_that_are_named(place: Path, tenfold_cli: Cli) -> None:
    (block,) = [block for block in ALL if block.text.startswith("runs/2026")]
    assert tenfold_cli("evaluate", "runs/NAME").status == 0
    names = {line.split()[0] for line in block.text.splitlines()[1:]}
    assert {"recipe.json", "last.ckpt"} < names
    assert {path.name for path in Path("runs/NAME").iterdir()} >= {*names, "evaluation.json", "report.html"}


def test_what_is_where() -> None:
    (block,) = [block for block in ALL if block.text.startswith("src/tenfold/\n")]
    top = ROOT
    for line in block.text.splitlines():
        name = line.split()[0]
        top = top if line.startswith(" ") else ROOT
        assert (top / name).exists(), name
        if name == "src/tenfold/":
            top = ROOT / name


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
    reference = (guide / "reference.html").read_text(encoding="utf-8")
    assert "The probability from which a digit is sure" in reference  # an argument, as its docstring has it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "more", "says"),
    [
        ("data.md", "\n[gone](gone.md)\n", "gone.md"),
        ("data.md", "\n[gone](training.md#gone)\n", "gone"),
        ("reference.md", "\n::: tenfold.gone\n", "tenfold.gone"),
        ("records.md", "# Records\n", "records.html is not in the navigation"),
    ],
)
def test_a_build_of_what_is_wrong_fails(
    guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, more: str, says: str
) -> None:
    module = _build()
    copied = module.copied

    def spoilt(folder: Path) -> None:
        copied(folder)
        with open(folder / "docs" / page, "a", encoding="utf-8") as file:
            file.write(more)

    monkeypatch.setattr(module, "copied", spoilt)
    assert any(says in fault for fault in module.build(tmp_path / "site"))


def test_the_blocks_of_a_page_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n    tenfold read a.jpg      a picture\n    tenfold train\n\n- item\n  goes on\n\n"
        "        A=1 make b\n\n"
        "```python\nprint()\n```\n"
    )
    first, second, third = blocks(page)
    assert commands(first) == ["tenfold read a.jpg", "tenfold train"]
    assert (commands(second), program("A=1 make b")) == (["A=1 make b"], "make")
    assert (third.kind, third.text, third.line) == ("python", "print()", 12)
