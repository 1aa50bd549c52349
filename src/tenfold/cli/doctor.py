"""`tenfold doctor`."""

import textwrap
from json import dumps
from typing import TYPE_CHECKING

import typer

from tenfold.cli.options import Json
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.doctor import Check

EPILOG = """
Examples:
  # is all well here
  tenfold doctor
  # to send along with a question
  tenfold doctor --json > here.json
Exit status:
  0 all is well     1 there is a fault
"""

WIDTH = 60  # columns
_PLACE = 22  # where a line's text begins


def doctor(json: Json = False) -> None:
    """Check the installation: versions, devices, data, model, and what is wrong with them; say what to do.

    Runs the bundled model in onnxruntime and, where PyTorch is installed, on each device, and trains a few steps.
    """
    from tenfold.doctor import FAULT, checks, versions

    done = []
    for check in checks():
        done.append(check)
        if not json:
            _print(check)
    faults = [check.name for check in done if check.state == FAULT]
    if json:
        report = {"well": not faults, "versions": versions(), "checks": [check._asdict() for check in done]}
        say(dumps(report, indent=2))
    else:
        say(f"\n{len(faults)} fault{'s' * (len(faults) > 1)}: {', '.join(faults)}" if faults else "\nall is well")
    if faults:
        raise typer.Exit(1)


def _print(check: "Check") -> None:
    from tenfold.doctor import MISSING

    head = f"{check.state:<7}{check.name:<{_PLACE - 7}}"
    tail = f"; {check.do}" if check.state == MISSING else ""
    lines = textwrap.wrap(f"{check.found}{tail}", WIDTH - _PLACE, break_on_hyphens=False) or [""]
    say("\n".join([head + lines[0], *(" " * _PLACE + line for line in lines[1:])]))
    if check.do and not tail:
        say(textwrap.fill(check.do, WIDTH, initial_indent="       do: ", subsequent_indent=" " * 11))
