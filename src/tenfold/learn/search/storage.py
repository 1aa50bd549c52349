"""Where the trials of a search are kept: SQLite, served on Ray; and what becomes of those whose process died."""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.errors import RunError, one_line
from tenfold.learn.search.trials import live

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

NAME = "tenfold"  # of the study
DRAWN = "drawn"  # of a trial that has all its values
ERROR = "error"  # of a trial that failed or diverged: what was wrong
_TRIES = 4  # of the values of a trial whose process dies
_BEAT, _GRACE = 5, 20  # seconds between two heartbeats, and without any until a process is taken for dead


def opened(place: str) -> "optuna.storages.BaseStorage":
    """The storage at a URL; at HOST:PORT the one that is served there."""
    import optuna

    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        if "://" not in place:
            host, _, port = place.rpartition(":")
            return optuna.storages.GrpcStorageProxy(host=host, port=int(port))
        return optuna.storages.RDBStorage(
            place,
            engine_kwargs={"connect_args": {"timeout": 60}},
            heartbeat_interval=_BEAT,
            grace_period=_GRACE,
            heartbeat_stale_trial_callback=again(),
        )


@contextmanager
def usable(place: Path) -> Iterator[None]:
    """Raise RunError for what a database in a file refuses, as one that is damaged, or on a full disk."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        why = one_line(error).partition(". ")[0][:120]
        raise RunError(f"cannot go on with {place}: it is damaged, or cannot be written ({why})") from error


def serve(url: str, port: int) -> None:
    """Serve the storage at a URL to other machines, without end."""
    import optuna

    optuna.storages.run_grpc_proxy_server(optuna.storages.get_storage(url), host="0.0.0.0", port=port)  # noqa: S104


def again() -> "Callable[[optuna.Study, FrozenTrial], None]":
    """What has the values of a failed trial, which it changes, tried again; or drawn anew where some were not yet."""
    import optuna

    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=_TRIES)

    def call(study: "optuna.Study", trial: "FrozenTrial") -> None:
        if DRAWN not in trial.user_attrs:  # the others would be drawn from other random numbers than at first
            trial.params, trial.distributions = {}, {}
        retry(study, trial)

    return call


def release(study: "optuna.Study", dead: "Callable[[FrozenTrial], bool]") -> None:
    """Fail the running trials of the dead, and have their values tried again.

    They are asked for first: who is killed in between leaves them running, to be failed by the next. Those that were
    failed without an error were so by a process that was killed before it asked for them.
    """
    import optuna

    running, failed = optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.FAIL
    every = study.get_trials(deepcopy=False)
    known = {trial.number for trial in live(every)}
    for trial in filter(dead, every):
        lost = trial.state == failed and ERROR not in trial.user_attrs
        if trial.number in known and (trial.state == running or lost):
            again()(study, copy.deepcopy(trial))  # which it changes
        if trial.state == running:
            with suppress(optuna.exceptions.UpdateFinishedTrialError):  # who is dying may tell it just then
                study.tell(trial.number, state=failed, skip_if_finished=True)
