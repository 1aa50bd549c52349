"""Trackers: a training as TensorBoard and MLflow show it. They get the recipe, the curves, figures and the model."""

import copy
import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tenfold import documents, files
from tenfold.errors import RunError, StorageError, UsageError, missing_extra, nearest
from tenfold.learn import figures
from tenfold.learn.networks import MEAN, STD
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import Watcher, reason

TRACKERS = ("tensorboard", "mlflow")
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds")


def named(names: str | Iterable[str]) -> list[Watcher]:
    """The trackers of these names; a name may be several with commas between.

    Raises:
        UsageError: An unknown name.
        MissingExtra: A tracker that is not installed.
        StorageError: MLflow's server or database is not to be had.
    """
    made: list[Watcher] = []
    split = (name.strip() for part in ([names] if isinstance(names, str) else names) for name in part.split(","))
    for name in dict.fromkeys(split):
        if name not in TRACKERS:
            raise UsageError(nearest("tracker", name, TRACKERS))
        made.append(TensorBoard() if name == "tensorboard" else MLflow())
    return made


class TensorBoard(Watcher):
    """Event files in the run's folder `tensorboard`, for `tensorboard --logdir runs`.

    They hold the recipe, the losses, accuracies and learning rate by epoch, histograms of the weights, the figure of
    the curves and the graph of the network.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):  # of tensorboard's own
                from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise missing_extra("tensorboard", "track") from error
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def begin(self, run: Run) -> None:  # noqa: D102
        folder = run.path / "tensorboard"
        known, done = folder.is_dir(), len(run.metrics)
        self._writer = self._make(str(folder), purge_step=done + 1 if known else None)  # hides what is done again
        if not known:
            text = json.dumps(run.recipe.as_dict(), indent=2)
            self._writer.add_text("recipe", f"```json\n{text}\n```")
            for row in run.metrics:
                self._scalars(row)

    def epoch(self, state: State) -> None:  # noqa: D102
        self._scalars(vars(state.history[-1]))
        for name, weights in state.network.named_parameters():
            self._writer.add_histogram(name, weights.detach().cpu(), state.epoch)
        self._writer.flush()

    def end(self, run: Run) -> None:  # noqa: D102
        network = run.model().network.eval()
        self._writer.add_figure("curves", figures.curves(run.metrics, run.steps, run.recipe.name))
        self._writer.add_hparams(_parameters(run), _figures(run.metrics[-1], CURVES[:4]), run_name=".")
        # The writer has no other way than torch.jit.trace, which is deprecated.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            self._writer.add_graph(copy.deepcopy(network), torch.zeros(1, 1, 28, 28))

    def close(self) -> None:  # noqa: D102
        if self._writer is not None:
            self._writer.close()

    def _scalars(self, row: Mapping[str, Any]) -> None:
        """The figures of an epoch, those of training and validation side by side."""
        for name, value in _figures(row).items():
            part, _, what = name.rpartition("_")
            self._writer.add_scalar(f"{what}/{part}" if part else what, value, int(row["epoch"]))


class MLflow(Watcher):
    """A run of MLflow's, of the same name: at MLFLOW_TRACKING_URI, or in the file mlflow.db of the working folder.

    It holds the fields of the recipe as parameters, the losses, accuracies and learning rate by epoch as metrics, the
    figure of the curves and the files of the run as artifacts, and the network as a model that
    `mlflow.pytorch.load_model` gives back. It is of the experiment that was chosen, or else of one named tenfold.
    """

    _NOTE = "mlflow.json"  # in the run folder: which run of MLflow's it is

    def __init__(self) -> None:
        for name, value in (
            ("MLFLOW_DISABLE_TELEMETRY", "true"),
            ("MLFLOW_LOGGING_LEVEL", "WARNING"),
            ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),  # a server that is not there is reported in seconds
        ):
            os.environ.setdefault(name, value)
        try:
            import mlflow
            import mlflow.pytorch
        except ModuleNotFoundError as error:
            raise missing_extra("mlflow-skinny", "track") from error
        self._mlflow: Any = mlflow
        self._active = self._complete = False
        try:
            if not {"MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"} & os.environ.keys():
                mlflow.set_experiment("tenfold")
            else:
                mlflow.search_experiments(max_results=1)
        except Exception as error:
            raise StorageError(f"MLflow at {mlflow.get_tracking_uri()} does not answer: {reason(error)}") from error

    def begin(self, run: Run) -> None:  # noqa: D102
        note = run.path / self._NOTE
        known = documents.read(note, dict[str, str]).get("run_id") if note.is_file() else None
        nested = self._mlflow.active_run() is not None  # the caller's
        try:
            active = self._mlflow.start_run(run_id=known, run_name=None if known else run.path.name, nested=nested)
        except Exception as error:
            why = f"MLflow at {self._mlflow.get_tracking_uri()} does not begin a run: {reason(error)}"
            raise RunError(f"{why}; for a new one remove {note}" if known else why) from error
        self._active = True
        if known is None:
            self._mlflow.log_params(_parameters(run))
            self._mlflow.set_tag("tenfold.run", str(run.path.absolute()))
            for row in run.metrics:
                self._log(row)
            files.text(note, json.dumps({"run_id": active.info.run_id}) + "\n")

    def epoch(self, state: State) -> None:  # noqa: D102
        self._log(vars(state.history[-1]))

    def end(self, run: Run) -> None:  # noqa: D102
        self._mlflow.log_figure(figures.curves(run.metrics, run.steps, run.recipe.name), "curves.png")
        for name in ("recipe.json", "metrics.csv", "steps.csv", run.model_file.name):
            if (run.path / name).is_file():
                self._mlflow.log_artifact(str(run.path / name))
        model = run.model()
        with warnings.catch_warnings(action="ignore"):  # of MLflow's own
            self._mlflow.pytorch.log_model(
                model.network.eval(),
                name="model",
                input_example=np.zeros((2, 1, 28, 28), np.float32),
                serialization_format="pt2",
                pip_requirements=["torch"],  # asked for by name, MLflow does not look for them in a process of its own
                metadata={
                    "input": f"(N, 1, 28, 28), bright on dark, (ink - {MEAN}) / {STD} for ink in [0, 1]",
                    "classes": list(model.task.classes),
                },
            )
        self._complete = True

    def close(self) -> None:  # noqa: D102
        if self._active:
            self._active = False
            self._mlflow.end_run("FINISHED" if self._complete else "KILLED")  # and may be continued

    def _log(self, row: Mapping[str, Any]) -> None:
        self._mlflow.log_metrics(_figures(row), step=int(row["epoch"]))


def _parameters(run: Run) -> dict[str, str | int | float | bool]:
    """The fields of the recipe as trackers take them: numbers, truth values, or text."""
    fields = {name: "" if value is None else value for name, value in run.recipe.as_dict().items()}
    return {name: json.dumps(value) if isinstance(value, list) else value for name, value in fields.items()}


def _figures(row: Mapping[str, Any], names: Sequence[str] = CURVES) -> dict[str, float]:
    """What was measured in an epoch, of what has these names."""
    return {name: float(row[name]) for name in names if row[name] is not None}
