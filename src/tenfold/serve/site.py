"""The page with the models in it: a folder of files for any web server, which read drawings in the browser.

The models run in onnxruntime-web, WebAssembly that npm's registry has. It is fetched by the npm client, checked against
the checksum below, and kept in the user's cache; tenfold itself downloads nothing.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.errors import DataError, FormatError, MissingExtra
from tenfold.read.classifier import Classifier, model_bytes
from tenfold.read.lines import BUNDLED as BUNDLED_LINES
from tenfold.read.lines import LineModel

NAME, VERSION = "onnxruntime-web", "1.30.0"
RUNTIME = f"{NAME}-{VERSION}"  # its folder in the site, and its archive's name
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # SHA-512
MEGABYTES = 33  # of the archive, most of it builds that are not used
WANTED = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
NOTICES = "ThirdPartyNotices.txt"  # which the archive lacks, and the same project's Python package has
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
NOTE = (
    "This page reads drawings and clean pictures in the browser and sends nothing; "
    "tenfold itself reads photos, too (pip install tenfold)."
)
MAX_BYTES = 50_000_000  # of a picture: more would fill a phone's memory
_PATIENCE = 900  # seconds that npm may take
_BY_HAND = f"give {RUNTIME}.tgz with --runtime"
_HEAD = '<meta charset="utf-8">'
_README = """\
Handwritten digits, read in the browser: tenfold {version} with {runtime}.

Serve this folder with any web server, at any address, as it is:

    python -m http.server -b 127.0.0.1 -d {folder}

and open http://127.0.0.1:8000/. Opening index.html as a file does not work: browsers run no modules from there.
The pictures stay in the browser, and nothing is asked of any other server. Once it was open the page works without
a network too, where the browser lets it keep files: on https, and on the machine itself.

It reads drawings and clean pictures, on a ground of one colour; tenfold itself reads photos, too (pip install tenfold).

The models are digits.onnx and lines.onnx, described in model.json; MNIST, which they learnt from, is under CC BY-SA 3.0
(Yann LeCun, Corinna Cortes, Christopher J. C. Burges). tenfold is under the MIT License, as is onnxruntime-web, by
Microsoft Corporation, whose licence and notices are in {runtime}.
"""


def _silent(line: str) -> None:
    pass


def write(
    folder: str | Path,
    model: Path | None = None,
    *,
    lines: Path | None = None,
    runtime: Path | None = None,
    tell: Callable[[str], None] = _silent,
) -> Path:
    """Write the site to a folder that is not there yet, or empty, and return it.

    Args:
        folder: Where to.
        model: A model file; None is the bundled one.
        lines: The same for the model that reads rows.
        runtime: The archive of onnxruntime-web, or a folder it was unpacked to; None fetches it, once.
        tell: Called with a line about what takes its time.

    Raises RunError for a model that cannot be used, StorageError when the folder cannot be written, and what `fetched`
    and `_runtime` raise for a runtime that cannot be used.
    """
    import onnxruntime

    about = described(Classifier(model, threads=1), LineModel(lines, threads=1))
    here = Path(__file__).parent
    with files.folder(folder) as place:  # which refuses a full folder before anything is fetched
        shutil.copytree(here / "page", place, dirs_exist_ok=True)
        shutil.copytree(here / "site", place, dirs_exist_ok=True)  # its engine.js in the place of the page's
        _runtime(runtime or fetched(tell), place / RUNTIME)
        notices = Path(onnxruntime.__file__).parent / NOTICES
        if notices.is_file():
            shutil.copyfile(notices, place / RUNTIME / NOTICES)
        index = (place / "index.html").read_text(encoding="utf-8")
        assert index.count(_HEAD) == 1
        policy = f'{_HEAD}\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        (place / "index.html").write_text(index.replace(_HEAD, policy), encoding="utf-8")
        (place / "digits.onnx").write_bytes(model_bytes(model))
        (place / "lines.onnx").write_bytes(model_bytes(lines or BUNDLED_LINES))
        (place / "model.json").write_text(json.dumps(about), encoding="utf-8")
        readme = _README.format(folder=Path(folder).name, runtime=RUNTIME, version=version("tenfold"))
        (place / "README.txt").write_text(readme, encoding="utf-8")
        names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
        (place / "files.json").write_text(json.dumps(names), encoding="utf-8")
    return Path(folder)


def described(classifier: Classifier, lines: LineModel) -> dict[str, Any]:
    """What the page and the engine need to know of the models."""
    return {
        **classifier.description.metadata,
        "lines": {name: lines.metadata[name] for name in ("classes", "blank", "height", "step", "threshold")},
        "name": "digits",
        "max_bytes": MAX_BYTES,
        "corrections": False,
        "note": NOTE,
        "runtime": RUNTIME,
    }


def cache() -> Path:
    """Where the archive of onnxruntime-web is kept for this user."""
    home = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tenfold" / f"{RUNTIME}.tgz"


def fetched(tell: Callable[[str], None] = _silent) -> Path:
    """The archive of onnxruntime-web in the cache; the npm client fetches it if it is not there.

    Raises MissingExtra where there is no npm, DataError when it fetches nothing, FormatError for a wrong checksum,
    StorageError when the cache cannot be written.
    """
    kept = cache()
    if kept.is_file() and _integrity(kept) == INTEGRITY:
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtra(f"npm, which fetches {NAME}, is not installed: install Node.js, or {_BY_HAND}")
    tell(f"fetching {NAME} {VERSION} with npm, {MEGABYTES} MB, once")
    with tempfile.TemporaryDirectory() as folder:
        archive = _packed(npm, Path(folder))
        _check(archive)
        with files.file(kept) as temporary:
            shutil.copyfile(archive, temporary)
    return kept


def _packed(npm: str, folder: Path) -> Path:
    """The archive, as `npm pack` writes it to a folder. Raises DataError when it does not."""
    command = [npm, "pack", f"{NAME}@{VERSION}", "--ignore-scripts", "--loglevel=error"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and nothing in it that a user gave
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE, errors="replace"
        )
        said = [re.sub(r"^npm (ERR!|error) ", "", line) for line in done.stderr.splitlines()]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    archive = folder / f"{RUNTIME}.tgz"
    if not archive.is_file():
        why = [line for line in said if line.strip() and not line.startswith(("code ", "syscall ", "errno ", "npm "))]
        reason = why[0][:200] if why else "it did not say why"
        raise DataError(f"npm could not fetch {NAME} {VERSION} ({reason}): is there a network? Or {_BY_HAND}")
    return archive


def _integrity(archive: Path) -> str:
    with open(archive, "rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode("ascii")


def _check(archive: Path) -> None:
    if _integrity(archive) != INTEGRITY:
        raise FormatError(f"{archive} is not {RUNTIME}.tgz as npm has it, or is damaged: its checksum is wrong")


def _runtime(given: Path, place: Path) -> None:
    """Copy the files that are wanted out of the archive of onnxruntime-web, or the folder it was unpacked to.

    Raises DataError for what is missing, FormatError for another file or version.
    """
    if given.is_dir():
        _from_folder(given, place)
        return
    if not given.is_file():
        raise DataError(f"there is no runtime {given}: give {RUNTIME}.tgz, or the folder it was unpacked to")
    _check(given)
    unpack(given, place)


def unpack(archive: Path, place: Path) -> None:
    """Write the wanted members of an archive into a folder under their own names; nothing else of it is looked at.

    Raises FormatError for an archive that is damaged or has not all of them.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            wanted = {f"package/dist/{name}": name for name in WANTED}
            for member in tar:
                name = wanted.get(member.name)
                content = tar.extractfile(member) if name is not None and member.isreg() else None
                if name is not None and content is not None:
                    with open(place / name, "wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not the archive's
            raise
        raise FormatError(f"{archive} is damaged: {error}") from error
    missing = [name for name in WANTED if not (place / name).is_file()]
    if missing:
        raise FormatError(f"{archive} is not {RUNTIME}.tgz: it has no {missing[0]}")


def _from_folder(given: Path, place: Path) -> None:
    folder = given / "package" if (given / "package").is_dir() else given
    try:
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        found = f"{about['name']}-{about['version']}"
    except (OSError, ValueError, KeyError, TypeError):
        found = "no package of npm"
    if found != RUNTIME:
        raise FormatError(f"{given} is {found}: give {RUNTIME}, unpacked or as its .tgz")
    for name in WANTED:
        if not (folder / "dist" / name).is_file():
            raise DataError(f"{given} has no dist/{name}: unpack {RUNTIME}.tgz again")
        shutil.copyfile(folder / "dist" / name, place / name)
