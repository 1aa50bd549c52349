"""Words that make no command: what the parser says of them, in plain sentences that name the verb's own help.

The parser's classes are known by their names, since its versions keep them in different places.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tenfold.errors import nearest


def sentence(error: Any, words: Sequence[str], root: Any) -> str:
    """What is wrong with the words, which `root`, the command of all verbs, did not understand."""
    context = getattr(error, "ctx", None)
    command, path = _verb(words, root) if context is None else (context.command, context.command_path)
    kind, says = type(error).__name__, str(error.message)
    if kind == "NoSuchOption":
        told = _no_such_option(error.option_name, words, command)
    elif kind == "BadOptionUsage":
        told = f"{error.option_name} " + ("needs a value" if "requires" in says else "takes no value")
    elif kind == "MissingParameter":
        about = (error.param.help or "").rstrip(".")
        told = f"{_name(error.param)} is missing: {about[:1].lower()}{about[1:]}"
    elif kind == "BadParameter" and error.param is not None:
        told = f"{_name(error.param)} {_bad_value(error, says)}"
    elif found := re.match(r"No such command (['\"])(.*?)\1", says):
        told = _no_such_verb(found[2], command)
    elif found := re.match(r"Got unexpected extra arguments? ?(?:\(s\) )?\((.*)\)", says):
        told = f"too many arguments: {found[1]}"
    elif says.startswith("Missing command"):
        told = f"a command is missing: there are {', '.join(command.commands)}"
    else:
        told = says.rstrip(".")
    return f"{told} (see {path} --help)"


def _verb(words: Sequence[str], root: Any) -> tuple[Any, str]:
    """The verb that the words begin with, and how it is called."""
    command, path = root, "tenfold"
    for word in words:
        if word in getattr(command, "commands", {}):
            command, path = command.commands[word], f"{path} {word}"
    return command, path


def _name(parameter: Any) -> str:
    """An option by its longest name, an argument as the help has it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def _no_such_option(given: str, words: Sequence[str], command: Any) -> str:
    if not given.startswith("--"):  # of -epochs the parser names -e alone
        given = next((word.partition("=")[0] for word in words if word.startswith(given)), given)
    known = [name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")]
    close = difflib.get_close_matches(f"--{given.lstrip('-').replace('_', '-')}", known, n=1, cutoff=0.7)
    return f"unknown option {given}" + (f": did you mean {close[0]}?" if close else "")


def _no_such_verb(given: str, command: Any) -> str:
    if Path(given).exists():
        return f"unknown command {given!r}: to read a picture, tenfold read {given}"
    return nearest("command", given, command.commands)


def _bad_value(error: Any, says: str) -> str:
    """What an option's value must be, and what it is, as far as the parser tells."""
    kind = getattr(error.param, "type", None)  # of earlier versions of the parser
    low, high = (getattr(error.param, end, None) or getattr(kind, end, None) for end in ("min", "max"))
    if re.search(r"greater|less|range", says):
        wanted = f"{low or 0} or more" if high is None else f"from {low or 0} to {high}"
    elif re.search(r"integer|number|float", says):
        wanted = "a whole number" if "integer" in says else "a number"
    else:
        return f"is wrong: {says.rstrip('.')}"
    cause = error.__cause__
    quoted = re.match(r"(['\"]?)(.*?)\1 is not", says)
    value = cause.errors()[0]["input"] if hasattr(cause, "errors") else quoted[2] if quoted else None
    return f"must be {wanted}" + ("" if value is None else f", not {value}")
