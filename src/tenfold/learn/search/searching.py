"""The job of a search: Optuna's own optimization, in as many processes or tasks as trials are trained at once.

They share the storage alone. What is drawn follows from the seed and from how many trials there were before, so that a
search that was stopped continues as it would have. A trial whose process died is failed, and its values are tried again
under another number, by the job that was started in its place, by the next search in the folder or, where several
search, by whoever sees that its heartbeat has ended.
"""

import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenfold.engines.jobs import Report
from tenfold.errors import DivergedError, Interrupted, RunError, TenfoldError, one_line
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import space, storage
from tenfold.learn.search.jobs import Training
from tenfold.learn.search.trials import SURPLUS, live, live_of
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.watchers import StopTraining, Watcher

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_HOPELESS = 5  # trials that fail before any succeeds, until the search ends
_POLL = 0.1  # seconds between two looks at the trials of others
_LONG = 500  # characters of an error that are kept


@dataclass(frozen=True)
class Searching:
    """The job of training trials until there are so many, or the time is up; of others' it waits for the end.

    It reports ("epoch", trial, row) and ("ended", trial, how in a line).
    """

    place: str  # of the storage
    base: Recipe
    wide: space.Space
    trials: int
    objective: str  # "accuracy" or "loss"
    prune: bool
    seed: int
    threads: int
    worker: str  # a name that no other job has, and that it keeps when it is started again
    deadline: float | None = None  # as time.time() has it

    def __call__(self, report: Report) -> None:
        """Raises what the first trials raised, where these all failed."""
        import optuna
        import torch

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        torch.set_num_threads(self.threads)
        study = optuna.load_study(
            study_name=storage.NAME,
            storage=storage.opened(self.place),
            sampler=sampler(self.seed),
            pruner=optuna.pruners.MedianPruner() if self.prune else optuna.pruners.NopPruner(),
        )
        storage.release(study, lambda trial: trial.user_attrs.get("worker") == self.worker)
        while self._more(study):
            study.optimize(lambda trial: self._train(study, trial, report), n_trials=1, catch=(_Failed,))

    def _more(self, study: "optuna.Study") -> bool:
        """Whether there is a trial to train, now or after another process has died with its own."""
        import optuna

        while self.deadline is None or time.time() < self.deadline:
            every = live_of(study)
            states = [trial.state for trial in every]
            if len(every) < self.trials or optuna.trial.TrialState.WAITING in states:
                return True
            if optuna.trial.TrialState.RUNNING not in states:
                return False
            optuna.storages.fail_stale_trials(study)
            time.sleep(_POLL)
        return False

    def _train(self, study: "optuna.Study", trial: "optuna.Trial", report: Report) -> float:
        """The score of a trial."""
        import optuna

        trial.set_user_attr("worker", self.worker)
        if _before(study, trial) >= self.trials:
            trial.set_user_attr(SURPLUS, True)
            raise _Failed
        values = space.suggested(self.wide, trial)
        trial.set_user_attr(storage.DRAWN, True)

        def ended(how: str) -> None:
            report(("ended", trial.number, f"{how}  {_words(values)}"))

        try:
            recipe = space.applied(self.base, values)
            outcome = Training(recipe, self.threads).trained([_Trial(trial, recipe, self, report)])
        except (Interrupted, KeyboardInterrupt):
            every = study.get_trials()
            frozen = every[trial.number]
            if frozen in live(every) and not frozen.state.is_finished():  # by a search that began since
                storage.again()(study, frozen)
            raise KeyboardInterrupt from None
        except DivergedError as error:
            # For the sampler a loss that is no number is a bad result, to keep away from, and no accident.
            trial.set_user_attr(storage.ERROR, one_line(error)[:_LONG])
            ended("diverged")
            raise optuna.TrialPruned from None
        except Exception as error:
            why = one_line(error)[:_LONG]
            trial.set_user_attr(storage.ERROR, why)
            self._check_hope(study, error)
            ended(f"failed: {why}")
            raise _Failed from error
        if outcome is None:
            ended("pruned")
            raise optuna.TrialPruned
        row, column = outcome.row, f"val_{self.objective}"
        for key in {"val_accuracy", "val_loss", "seconds"} - {column}:  # the column is the trial's value
            trial.set_user_attr(key, row[key])
        score = float(row[column])
        ended(f"{shown(score, self.objective)}  {row['seconds']:.1f} s")
        return score

    def _check_hope(self, study: "optuna.Study", error: Exception) -> None:
        """Raise the error of a trial that fails after others that all did, as it is none of one trial."""
        states = [trial.state.name for trial in live_of(study)]
        failures = states.count("FAIL") + 1
        if failures >= _HOPELESS and not {"COMPLETE", "PRUNED"} & set(states):
            if isinstance(error, TenfoldError):
                raise error
            raise RunError(f"the first {failures} trials failed, the last so: {one_line(error)[:_LONG]}") from error


class _Failed(Exception):
    """A trial has failed or is one too many, and the search goes on."""


class _Trial(Watcher):
    """Reports every epoch to Optuna and to whoever searches, and ends a training that is not worth another."""

    def __init__(self, trial: "optuna.Trial", recipe: Recipe, search: Searching, report: Report) -> None:
        self._trial, self._recipe, self._search, self._report = trial, recipe, search, report

    def epoch(self, state: State) -> None:
        row = asdict(state.history[-1])
        self._trial.report(float(row[f"val_{self._search.objective}"]), row["epoch"])
        self._report(("epoch", self._trial.number, {**row, "epochs": self._recipe.epochs}))
        if row["epoch"] < self._recipe.epochs and self._search.prune and self._trial.should_prune():
            raise StopTraining


def sampler(seed: int) -> "optuna.samplers.BaseSampler":
    """Optuna's tree-structured Parzen estimator; its random numbers follow from the seed and the trials before."""
    import optuna

    class Seeded(optuna.samplers.TPESampler):
        """One that begins anew with each trial."""

        def before_trial(self, study: "optuna.Study", trial: "FrozenTrial") -> None:
            drawn = int(np.random.SeedSequence([seed, _before(study, trial)]).generate_state(1)[0])
            optuna.samplers.TPESampler.__init__(self, seed=drawn)
            super().before_trial(study, trial)

    return Seeded(seed=seed)


def _before(study: "optuna.Study", trial: "optuna.Trial | FrozenTrial") -> int:
    """How many live trials come before one."""
    return sum(other.number < trial.number for other in live_of(study))


def shown(score: float, objective: str) -> str:
    """A score for people."""
    return f"{score:.2%}" if objective == "accuracy" else f"{score:.4f}"


def _words(values: dict[str, space.Value]) -> str:
    """The values of a trial in a line."""
    return " ".join(f"{name}={v:.3g}" if isinstance(v, float) else f"{name}={v}" for name, v in values.items())
