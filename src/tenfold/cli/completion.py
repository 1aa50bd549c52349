"""What a shell completes beside verbs and options. It is asked at every key, so nothing heavy is imported."""

from collections.abc import Callable
from importlib import import_module


def recipes() -> list[str]:
    """The names of the recipes."""
    from tenfold.learn.recipes.presets import RECIPES

    return list(RECIPES)


def runs() -> list[str]:
    """The runs in ./runs, the newest first."""
    from tenfold.learn.training.runs import all_runs

    return [str(run.path) for run in all_runs()]


def tasks() -> list[str]:
    """One task of each kind."""
    return ["digits", "parity", "is:7", "0-4/5-9", "lines"]


def _values(module: str, name: str) -> list[str]:
    return list(getattr(import_module(f"tenfold.learn.recipes.{module}"), name))


OF_FIELDS: dict[str, Callable[[], list[str]]] = {  # by the name of a recipe's field, what completes its value
    "task": tasks,
    "init": lambda: [*runs(), "default"],
    "teacher": runs,
    "optimizer": lambda: _values("recipe", "OPTIMIZERS"),
    "schedule": lambda: _values("recipe", "SCHEDULES"),
    "device": lambda: _values("devices", "DEVICES"),
}
