import io
import subprocess
import sys
import time

import pytest
from rich.console import Console

from tenfold.progress import Progress, track


def terminal(width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, highlight=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bar_is_drawn_on_a_terminal_with_its_note() -> None:
    console = terminal()
    with Progress(console=console) as progress:
        assert progress.due
        progress.update("a", "epoch 1/3", 5, 10, "loss 0.5")
        assert not progress.due
        progress.line("a sentence [with] brackets")
        progress.remove("a")
        progress.remove("b")
    text = shown(console)
    assert "epoch 1/3" in text
    assert "5/10" in text
    assert "loss 0.5" in text
    assert "a sentence [with] brackets" in text


def test_a_narrow_terminal_has_no_counts() -> None:
    console = terminal(50)
    with Progress(console=console) as progress:
        progress.update("a", "epoch 1/3", 5, 10)
    assert "5/10" not in shown(console)


def test_a_pipe_gets_lines_alone() -> None:
    console = Console(file=io.StringIO(), width=80)
    with Progress(console=console) as progress:
        assert not progress.due
        progress.update("a", "epoch 1/3", 5, 10)
        progress.line("x" * 200)
    assert shown(console) == "x" * 200 + "\n"


def test_what_is_quick_shows_no_bar() -> None:
    console = terminal()
    with Progress(console=console, delay=0.05) as progress:
        assert list(progress.track([1], "quick", 1)) == [1]
        assert "quick" not in shown(console)
        time.sleep(0.06)
        list(progress.track([1], "slow", 1))
    assert "slow" in shown(console)


def test_what_is_printed_meanwhile_goes_where_it_is_printed_to(capsys: pytest.CaptureFixture[str]) -> None:
    console = terminal()
    with Progress(console=console) as progress:
        progress.update("a", "reading", 5, 10)
        print("a row")
        print("an error", file=sys.stderr)
    assert capsys.readouterr().out == "a row\n"
    assert "a row" not in shown(console)
    assert "an error" in shown(console)


def test_items_are_tracked_by_their_size() -> None:
    console = terminal()
    with Progress(console=console) as progress:
        assert list(progress.track([2, 3], "reading", 5, size=lambda n: n)) == [2, 3]
    assert "reading" in shown(console)


def test_tracking_gives_every_item_and_writes_nothing_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter("abc"), "counting")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_lines_alone_load_no_drawing() -> None:
    code = "import sys; from tenfold.progress import Progress; Progress().line('read'); print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "read\n")
