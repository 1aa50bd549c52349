"""Help, and what is said before anything is asked."""

import re
import sys
from typing import Any

import pytest

import tenfold
from conftest import Cli, verbs

WIDTH = 80  # columns


@pytest.mark.parametrize(("words", "verb"), [*verbs()])
def test_help_fits_and_its_examples_stand_close(tenfold_cli: Cli, words: tuple[str, ...], verb: Any) -> None:
    done = tenfold_cli(*words, "--help")
    assert done.status == 0
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert not re.search(r"<\w", done.out)  # a type of Python's
    assert verb.epilog.strip() in done.out
    assert "\n\n" not in verb.epilog.strip()
    assert done.out == tenfold_cli("help", *words).out


def test_flags_have_no_value_in_help_and_options_have(tenfold_cli: Cli) -> None:
    out = tenfold_cli("train", "--help").out
    assert re.search(r"--watch +Save", out)
    assert re.search(r"--amp +--no-amp +Mixed", out)
    assert re.search(r"--out +-o +PATH +The run", out)
    assert re.search(r"--count +N +How", tenfold_cli("predict", "--help").out)


def test_tenfold_alone_says_what_to_do_first(tenfold_cli: Cli) -> None:
    done = tenfold_cli()
    assert done.status == 2
    lines = done.out.splitlines()
    assert "tenfold read photo.jpg" in lines[0]
    assert "tenfold train" in lines[0]
    assert max(map(len, lines)) <= WIDTH
    for words, _ in verbs():
        assert re.search(rf"^  {words[0]} +[A-Z]", done.out, flags=re.MULTILINE)
    assert len(lines) < 24  # of a terminal


def test_help_and_version_are_words_too(tenfold_cli: Cli) -> None:
    assert tenfold_cli("version").out == tenfold_cli("--version").out == f"tenfold {tenfold.__version__}\n"
    assert tenfold_cli("help").out == tenfold_cli("--help").out
    assert "Commands" in tenfold_cli("help").out


def test_read_at_a_terminal_shows_its_usage(tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    done = tenfold_cli("read")
    assert (done.status, done.out) == (2, "")
    usage, error = done.err.splitlines()
    assert usage == "Usage: tenfold read [OPTIONS] [PICTURES]..."
    assert error.startswith("tenfold: there is nothing to read: give pictures")
