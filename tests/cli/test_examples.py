"""Each command of the help, the README and the docs can be copied into bash or zsh, alone or with its comment.

A comment has a line of its own, since zsh knows none behind a command that is typed, and no sign that a shell minds.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from conftest import verbs
from tenfold import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def of_help(verb: Any) -> list[str]:
    """The lines of a verb's examples: commands and comments."""
    text = verb.epilog.partition(":\n")[2]
    return [line.strip() for line in re.match(r"(  .*\n)+", text)[0].splitlines()]  # type: ignore[index]


def of_page(path: Path) -> list[str]:
    """The lines of a page's indented blocks that are commands of tenfold's, or comments."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith("# ") or re.search(r"\btenfold [a-z-]", line)]


LINES = [pytest.param(line, id=f"{words[-1]}: {line}") for words, verb in verbs() for line in of_help(verb)]
LINES += [pytest.param(line, id=f"{page.name}: {line}") for page in PAGES for line in of_page(page)]


def commands(line: str) -> Iterator[list[str]]:
    """The words of each command of tenfold's in a line, without what is redirected."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        parts.append([]) if word == "|" else parts[-1].append(word)
    for part in parts:
        words = part[: part.index(">")] if ">" in part else part
        if "tenfold" in words:
            yield words[words.index("tenfold") + 1 :]


@pytest.mark.parametrize("line", LINES)
def test_it_can_be_copied(line: str) -> None:
    if line.startswith("#"):
        assert re.fullmatch(r"# [^\"'`$;&|<>(){}\[\]*?!~^\\#]+", line), "a shell minds one of its signs"
        return
    assert not re.search(r"\s#", line), "a comment has a line of its own"
    assert not re.search(r"[?\[]", re.sub(r"'.*?'|\".*?\"", "", line)), "zsh takes it for a pattern"
    root: Any = typer.main.get_command(cli.application())
    for _, verb in verbs(root):
        verb.callback = lambda **_: None
    found = list(commands(line))
    assert found or "tenfold" not in line.split()
    for words in found:
        assert not root.main(words, prog_name="tenfold", standalone_mode=False)


@pytest.mark.parametrize("wrong", ["tenfold read --no-such photo.jpg", "tenfold train # as usual", "tenfold reed x"])
def test_a_wrong_one_is_found(wrong: str) -> None:
    with pytest.raises(Exception, match=r"No such|line of its own"):
        test_it_can_be_copied(wrong)


def test_all_examples_are_looked_at() -> None:
    lines = [str(param.values[0]) for param in LINES]
    found = [words for line in lines if not line.startswith("#") for words in commands(line)]
    for words, _ in verbs():
        assert any(tuple(some[: len(words)]) == words for some in found)
