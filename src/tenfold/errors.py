"""Every error a user can meet.

    TenfoldError                 one line for the user; the command line exits with `status`
    ├── UsageError               a wrong option or argument (status 2; also a ValueError)
    ├── DataError                missing, damaged or ill-fitting data (also a RuntimeError)
    │   ├── FormatError          a file that is not in the format it should have (also an AssertionError)
    │   ├── TooLargeError        more than the limit that was set
    │   └── TooCostlyError       more time or memory than reading may take
    ├── RunError                 a run, checkpoint or weights file that cannot be used
    ├── DeviceError              a device that is not there
    ├── DivergedError            training stopped because its loss is no longer a number
    ├── Interrupted              training stopped by Ctrl-C after saving (status 130)
    ├── StorageError             a file that cannot be written
    ├── AddressError             an address that the service cannot listen at
    ├── ClusterError             a cluster that is not there, or that lost work for good
    └── MissingExtra             a package that is not installed (also an ImportError)

Where a class has a second base it is the one that torchvision or Python raises in the same place, so that code
written against those keeps working.
"""

import difflib
import re
from collections.abc import Iterable

# Control characters, but for the tab and the end of a line, and what turns the direction of writing.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LONG = 200  # characters of a wrong name that are shown


class TenfoldError(Exception):
    """Base of every error that tenfold raises on purpose; its text is one line that says what to do."""

    status = 1


class UsageError(TenfoldError, ValueError):
    """A wrong option or argument."""

    status = 2


class DataError(TenfoldError, RuntimeError):
    """Data that is missing, damaged or does not fit."""


class FormatError(DataError, AssertionError):
    """A file that is not in the format it should have."""


class TooLargeError(DataError):
    """Data beyond a limit that was set: pixels, pages, bytes."""


class TooCostlyError(DataError):
    """A picture that takes more time or memory than reading one may."""


class RunError(TenfoldError):
    """A run folder, checkpoint or weights file that cannot be used."""


class DeviceError(TenfoldError):
    """A device that this machine, or this build of PyTorch, does not have."""


class DivergedError(TenfoldError):
    """The loss became infinite or not a number."""


class Interrupted(TenfoldError):
    """Training was stopped by the user, after its state was saved."""

    status = 130


class StorageError(TenfoldError):
    """A file or folder that cannot be written."""


class AddressError(TenfoldError):
    """An address that the service cannot listen at."""


class ClusterError(TenfoldError):
    """A cluster that cannot be reached or used, or work that was lost on it for good."""


class MissingExtra(TenfoldError, ImportError):
    """A package that an optional part of tenfold needs and that is not installed."""


def nearest(what: str, given: str, known: Iterable[str]) -> str:
    """The text of an error about an unknown name: what was given, the nearest known one, and all of them."""
    names, given = list(known), given if len(given) <= _LONG else f"{given[:_LONG]}…"
    close = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {given!r}: {hint}there are {', '.join(names)}"


def one_line(error: BaseException) -> str:
    """What an error says in one line, or its kind where it says nothing."""
    return printable(" ".join(str(error).split())) or type(error).__name__


def printable(text: str) -> str:
    """A text for a terminal: names of files and classes may hold signs that command it, which are shown as \\x1b."""
    return _COMMANDS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def missing_extra(package: str, extra: str) -> MissingExtra:
    """The error for a package of an extra that is not installed, with the command that installs it."""
    return MissingExtra(f"this needs {package}, which is not installed: pip install 'tenfold[{extra}]'")
