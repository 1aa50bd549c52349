import re

import pytest

from tenfold import errors
from tenfold.errors import DataError, TenfoldError, missing_extra, nearest, one_line

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TenfoldError)]


def test_the_tree_names_every_error_with_its_status() -> None:
    lines = (errors.__doc__ or "").splitlines()
    for kind in CLASSES:
        (line,) = (line for line in lines if re.search(rf"\b{kind.__name__} {{2}}", line))
        said = re.search(r"status (\d+)", line)
        assert kind.status == (int(said[1]) if said else 1)


@pytest.mark.parametrize(
    ("name", "second"),
    [
        *(("UsageError", ValueError), ("DataError", RuntimeError)),
        *(("FormatError", AssertionError), ("MissingExtra", ImportError)),
    ],
)
def test_errors_are_also_those_that_others_expect(name: str, second: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), second)


def test_the_nearest_name_is_proposed() -> None:
    assert (
        nearest("verb", "Trian", ["train", "tune"])
        == "unknown verb 'Trian': did you mean 'train'? there are train, tune"
    )
    assert nearest("verb", "xyz", ["train"]) == "unknown verb 'xyz': there are train"


def test_an_error_in_one_line() -> None:
    assert one_line(DataError("one\n  two")) == "one two"
    assert one_line(ZeroDivisionError()) == "ZeroDivisionError"


def test_a_missing_package_is_named_with_the_command() -> None:
    says = "this needs optuna, which is not installed: pip install 'tenfold[tune]'"
    assert str(missing_extra("optuna", "tune")) == says


def test_what_commands_a_terminal_is_shown() -> None:
    assert one_line(DataError("no \x1b[31mred\x07\x9b\u202e.png")) == "no \\x1b[31mred\\x07\\x9b\\u202e.png"
    assert errors.printable("ä\t→\n") == "ä\t→\n"
