"""`epochs=5` and `--epochs 5` are the same on every verb that has recipes."""

import inspect
from typing import Any

import pytest

from conftest import Cli
from tenfold.cli.train import train
from tenfold.errors import TenfoldError
from tenfold.learn import train as training
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import FIELDS, Recipe
from tenfold.learn.search import space, study, tuning

# Each verb with what must stand before fields, and the function that gets them.
VERBS = {
    "train": ("train cnn", training, "train"),
    "study": ("study cnn", study, "study"),
    "tune": ("tune cnn", tuning, "tune"),
    "ensemble": ("ensemble a b --distil cnn", presets, "resolve"),
}
GIVEN: dict[str, Any] = {
    "task": "parity",
    "data": "d",
    "val_size": 0.25,
    "mix": 100,
    "final": True,
    "network": "mlp",
    "channels": (4, 8),
    "hidden": (),
    "dropout": 0.1,
    "dropout_conv": 0.2,
    "weight_bits": 4,
    "init": "default",
    "new_head": True,
    "epochs": 1,
    "batch_size": 25,
    "optimizer": "adamw",
    "lr": 0.002,
    "momentum": 0.8,
    "beta2": 0.95,
    "weight_decay": 0.01,
    "label_smoothing": 0.05,
    "schedule": "cosine",
    "warmup": 0.1,
    "gamma": 0.5,
    "teacher": "t",
    "teacher_weight": 0.5,
    "teacher_temperature": 3.0,
    "augment": "shift=1,erase=2",
    "unaugmented_epochs": 1,
    "recalibrate_batchnorm": True,
    "pictures": False,
    "styles": 3,
    "outliers": 4,
    "patience": 4,
    "seed": 9,
    "device": "cpu",
    "amp": True,
    "compile": False,
    "channels_last": False,
}


def reached(
    monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli, verb: str, *words: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a verb hands on with these words among its arguments."""
    before, module, name = VERBS[verb]
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def record(*arguments: Any, **named: Any) -> None:
        calls.append((arguments, named))
        raise TenfoldError("far enough")

    monkeypatch.setattr(module, name, record)
    done = tenfold_cli(*before.split(), *words)
    assert done.err == "tenfold: far enough\n"
    (call,) = calls
    return call


@pytest.mark.parametrize("verb", VERBS)
def test_a_field_is_the_same_as_a_word_and_as_an_option(
    monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli, verb: str
) -> None:
    spellings = [
        ("epochs=5", "lr=0.5", "hidden=64,32", "amp=true", "dropout-conv=0"),
        ("--epochs", "5", "--lr", "0.5", "--hidden", "64,32", "--amp", "--dropout-conv", "0"),
        ("epochs=5", "--amp", "lr=0.5", "--hidden", "64,32", "--dropout-conv=0"),
    ]
    calls = [reached(monkeypatch, tenfold_cli, verb, *words) for words in spellings]
    if verb == "tune":  # which searches fields with several values, and fixes others
        spaces = [space.parse(named["search"], Recipe()) for _, named in calls]
        assert spaces[0] == spaces[1] == spaces[2]
        assert (list(spaces[0][0]), spaces[0][1].epochs, spaces[0][1].amp) == (["hidden"], 5, True)
        return
    assert calls[0] == calls[1] == calls[2]
    arguments, named = calls[0]
    assert arguments == ("cnn",)
    fields = {"epochs": 5, "lr": 0.5, "hidden": (64, 32), "amp": True, "dropout_conv": 0}
    assert {name: named[name] for name in fields} == fields


def test_every_field_but_the_name_is_an_option_of_train() -> None:
    assert set(GIVEN) == set(FIELDS) - {"name", "code"}
    assert set(GIVEN) <= set(inspect.signature(train).parameters)


@pytest.mark.parametrize("form", ["option", "word"])
def test_every_field_reaches_the_training(monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli, form: str) -> None:
    words = []
    for name, value in GIVEN.items():
        text = ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value).lower()
        option = f"--{'' if value is not False else 'no-'}{name.replace('_', '-')}"
        words += [f"{name}={text}"] if form == "word" else [option] if isinstance(value, bool) else [option, text]
    _, named = reached(monkeypatch, tenfold_cli, "train", *words)
    assert {name: named[name] for name in GIVEN} == GIVEN


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("train cnn epochs=3 --epochs 4", "epochs is given twice"),
        ("study cnn lr=1 lr=2", "lr is given twice"),
        ("train cnn dropout", "a field must have a value, as in dropout=0: dropout has none"),
        ("tune mlp cnn", "cnn has none"),
        ("train cnn epoch=3", "unknown recipe field 'epoch': did you mean 'epochs'"),
        ("ensemble a b epochs=3", "epochs is a field of the recipe to distil into: give --distil RECIPE"),
    ],
)
def test_what_cannot_be_meant(tenfold_cli: Cli, words: str, says: str) -> None:
    done = tenfold_cli(*words.split())
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert says in done.err
