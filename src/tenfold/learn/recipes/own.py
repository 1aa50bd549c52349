"""Networks, optimizers and augmentations of a user's own: functions or classes, named by where they are.

A recipe says `my_file.py:build` or `package.module:build`, and beside that the checksum of the code. Opening a run with
such a recipe runs that code.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tenfold import files
from tenfold.errors import UsageError

FIELDS = ("network", "optimizer", "augment")  # of a recipe, that may name one
_live: dict[str, Callable[..., Any]] = {}  # that were given as such to this process
_importing: list[str] = []
_SHOWN = 60  # characters of what is given in place of a function


def is_own(text: str) -> bool:
    """Whether a field of a recipe names a function or class of a user's own."""
    return ":" in text


def reference(made: Callable[..., Any]) -> str:
    """The name by which another process finds a function or class, if any can. Raises UsageError for what has none."""
    name, module = getattr(made, "__qualname__", None), sys.modules.get(getattr(made, "__module__", ""))
    if name is None or module is None:
        what = type(made).__name__ if len(repr(made)) > _SHOWN else repr(made)
        raise UsageError(
            f"a function or a class is wanted, which is called anew for each training, not {what}: put it into one"
        )
    file = getattr(module, "__file__", None)
    alone = module.__name__ == "__main__" or ("." not in module.__name__ and "site-packages" not in str(file))
    found = f"{Path(file).absolute() if file and alone else module.__name__}:{name}"
    _live[found] = made
    return found


def located(text: str) -> str:
    """A reference with the full path of its file, so that it holds in other folders too."""
    where, _, name = text.rpartition(":")
    return f"{files.home(where).resolve()}:{name}" if where.endswith(".py") and text not in _live else text


def short(text: str) -> str:
    """A reference for people: the file without its folder, and the name."""
    where, _, name = text.rpartition(":")
    return f"{Path(where).name if where.endswith('.py') else where}:{name}"


def load(text: str) -> Callable[..., Any]:
    """The function or class that a reference names. Raises UsageError that says what is missing, and where."""
    if text in _live:
        return _live[text]
    where, _, name = text.rpartition(":")
    found: Any = _module(where)
    for step in name.split("."):
        if not hasattr(found, step):
            hint = ": what is defined inside of a function cannot be found again" if "<" in name else ""
            raise UsageError(f"{where} has no {name}{hint}")
        found = getattr(found, step)
    if not callable(found):
        raise UsageError(f"{text} is no function and no class")
    _live[text] = found
    return _live[text]


def checksum(texts: Iterable[str]) -> str | None:
    """SHA-256 of the files, or else of the source, of what the references name; None without any."""
    digest, some = hashlib.sha256(), False
    for text in texts:
        made = load(text)
        some = True
        try:
            digest.update(Path(inspect.getfile(inspect.unwrap(made))).read_bytes())
        except (OSError, TypeError):
            digest.update(_source(made).encode())
    return digest.hexdigest() if some else None


def _source(made: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(made)
    except (OSError, TypeError):  # typed in, or compiled; of a class in a notebook its functions are known
        inside = vars(made).values() if isinstance(made, type) else ()
        return repr(made) + "".join(_source(one) for one in inside if inspect.isfunction(one))


def _module(where: str) -> ModuleType:
    if _importing:
        raise UsageError(f"{where} is asked for while {_importing[-1]} is imported")
    if where == "__main__":
        raise UsageError("it was defined in a notebook or shell that is no more: put it into a file")
    try:
        with _place(where):
            if not where.endswith(".py"):
                return importlib.import_module(where)
            path = files.home(where).absolute()
            if not path.is_file():
                raise UsageError(f"there is no file {path}, whose code is needed")
            name = f"tenfold_{path.stem}_{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
            if name in sys.modules:  # another function of the same file
                return sys.modules[name]
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec
            assert spec.loader
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[name]
                raise
            return module
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error


@contextmanager
def _place(where: str) -> Iterator[None]:
    """A block in which modules beside a file, or in this folder, are found, and in which nothing is trained."""
    folder = str(files.home(where).absolute().parent if where.endswith(".py") else Path.cwd())
    sys.path.insert(0, folder)
    _importing.append(where)
    try:
        yield
    finally:
        _importing.pop()
        sys.path.remove(folder)


def check_not_importing() -> None:
    """Raise UsageError where a training begins because a file is imported that holds a function for it."""
    if _importing:
        raise UsageError(f"{_importing[-1]} trains when it is imported: put that behind if __name__ == '__main__':")
