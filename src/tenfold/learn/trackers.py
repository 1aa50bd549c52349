"""Trackers: a training as TensorBoard and MLflow show it. They get the recipe, the curves, figures and the model."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from torch import nn

from tenfold import atomic
from tenfold.errors import UsageError, missing_extra, nearest
from tenfold.learn import figures
from tenfold.learn.checkpoint import Epoch
from tenfold.learn.runs import Run

TRACKERS = ("tensorboard", "mlflow")
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds")


class Onlooker(Protocol):
    """Who is told of a training as it goes on; of one that is resumed, from where it was."""

    def begin(self, run: Run) -> None:
        """The run folder is there, and the next step is to come."""

    def epoch(self, row: Epoch, network: nn.Module) -> None:
        """An epoch is done. The network must be left as it is."""

    def end(self, run: Run) -> None:
        """The training has come to its end, and its model is in the run folder."""

    def close(self) -> None:
        """Nothing more will come, whether it came to its end or not."""


def named(names: str | Sequence[str]) -> list[Onlooker]:
    """The trackers of these names. Raises UsageError for an unknown one, MissingExtra for one that is not installed."""
    made: list[Onlooker] = []
    for name in dict.fromkeys([names] if isinstance(names, str) else names):
        if name not in TRACKERS:
            raise UsageError(nearest("tracker", name, TRACKERS))
        made.append(TensorBoard() if name == "tensorboard" else MLflow())
    return made


class TensorBoard:
    """Event files in the run's folder `tensorboard`, for `tensorboard --logdir runs`."""

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise missing_extra("tensorboard", "track") from error
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def begin(self, run: Run) -> None:  # noqa: D102
        done = len(run.metrics)  # what was written of an epoch that is done again is hidden
        self._writer = self._make(str(run.path / "tensorboard"), purge_step=done + 1 if done else None)
        text = json.dumps(run.recipe.as_dict(), indent=2)
        self._writer.add_text("recipe", f"```json\n{text}\n```")

    def epoch(self, row: Epoch, network: nn.Module) -> None:  # noqa: D102
        for name in CURVES:
            value = getattr(row, name)
            if value is not None:
                part, _, what = name.rpartition("_")
                self._writer.add_scalar(f"{what}/{part}" if part else what, value, row.epoch)
        for name, weights in network.named_parameters():
            self._writer.add_histogram(name, weights.detach().cpu(), row.epoch)
        self._writer.flush()

    def end(self, run: Run) -> None:  # noqa: D102
        model = run.model()
        self._writer.add_figure("curves", figures.curves(run.metrics, run.steps, run.recipe.name))
        self._writer.add_hparams(_parameters(run), _last(run), run_name=".")
        self._writer.add_text("model", f"{run.model_file} answers {', '.join(model.task.classes)}")

    def close(self) -> None:  # noqa: D102
        if self._writer is not None:
            self._writer.close()


class MLflow:
    """A run of MLflow, in the experiment `tenfold` of the server that MLFLOW_TRACKING_URI names, or of ./mlruns."""

    _NOTE = "mlflow.json"  # in the run folder: which run of MLflow's it is

    def __init__(self) -> None:
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise missing_extra("mlflow", "track") from error
        self._mlflow: Any = mlflow
        self._active = self._complete = False

    def begin(self, run: Run) -> None:  # noqa: D102
        note = run.path / self._NOTE
        known = json.loads(note.read_text(encoding="utf-8"))["run_id"] if note.is_file() else None
        if known is None:
            self._mlflow.set_experiment("tenfold")
        active = self._mlflow.start_run(run_id=known, run_name=None if known else run.path.name)
        self._active = True
        if known is None:
            atomic.text(note, json.dumps({"run_id": active.info.run_id}) + "\n")
            self._mlflow.log_params(_parameters(run))
            self._mlflow.set_tag("tenfold.run", str(run.path.absolute()))

    def epoch(self, row: Epoch, network: nn.Module) -> None:  # noqa: ARG002, D102
        found = {name: getattr(row, name) for name in CURVES if getattr(row, name) is not None}
        self._mlflow.log_metrics(found, step=row.epoch)

    def end(self, run: Run) -> None:  # noqa: D102
        self._mlflow.log_figure(figures.curves(run.metrics, run.steps, run.recipe.name), "curves.png")
        for name in ("recipe.json", "metrics.csv", "steps.csv", "model.safetensors"):
            if (run.path / name).is_file():
                self._mlflow.log_artifact(str(run.path / name))
        self._complete = True

    def close(self) -> None:  # noqa: D102
        if self._active:
            self._mlflow.end_run("FINISHED" if self._complete else "KILLED")  # and may be gone on with
            self._active = False


def _parameters(run: Run) -> dict[str, str | int | float | bool]:
    """The fields of the recipe as trackers take them: numbers, truth values, or text."""
    found = {}
    for name, value in run.recipe.as_dict().items():
        found[name] = (
            value if isinstance(value, str | int | float | bool) else "" if value is None else json.dumps(value)
        )
    return found


def _last(run: Run) -> dict[str, float]:
    """The figures of the last epoch."""
    row = run.metrics[-1]
    return {name: float(row[name] or 0.0) for name in CURVES[:4] if row[name] is not None}
