"""`tenfold play`: its options."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Cli
from tenfold.play import server


def test_wrong_options(tenfold_cli: Cli, tmp_path: Path) -> None:
    for options, wanted, says in (
        (["--port", 70000], 2, "port"),
        (["--host", "256.1.1.1"], 1, "256.1.1.1"),
        (["--data", tmp_path / "none"], 1, "there is no data at"),
        (["--recipe", "fast"], 2, "--recipe"),
    ):
        status, out, err = tenfold_cli("play", *options)
        assert (status, out, len(err.splitlines())) == (wanted, "", 1), err
        assert says in err


def test_the_browser_opens_unless_it_is_not_to(tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def play(data: str | None, *, host: str, port: int, started: Callable[[str], None]) -> None:
        started(f"http://{host}:{port or 8001}")

    monkeypatch.setattr(server, "play", play)
    done = tenfold_cli("play")
    assert (done.out, done.err, opened) == (
        "tenfold plays at http://127.0.0.1:8001 (Ctrl-C stops)\n",
        "",
        [done.out[17:38]],
    )
    opened.clear()
    done = tenfold_cli("play", "--no-browser", "--host", "0.0.0.0")
    assert opened == []
    assert "whoever reaches this machine" in done.err


def test_without_the_packages_it_says_what_to_install(tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    absent: Any = None
    monkeypatch.setitem(sys.modules, "uvicorn", absent)
    for name in [name for name in sys.modules if name.startswith(("tenfold.play", "tenfold.serve"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tenfold.play.server")
    done = tenfold_cli("play")
    assert done.status == 1
    assert "pip install 'tenfold[train]'" in done.err
