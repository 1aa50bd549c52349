"""The page that `tenfold tune` writes: what the search found, whether it is more than luck, and every trial of it."""

import html as escaping
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.scoring.report import page, picture, table
from tenfold.learn.search import figures as search_figures
from tenfold.learn.search import statistics
from tenfold.learn.search.figures import text, written

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

AS_IT_WAS = "as it was"  # the name of the given recipe among those confirmed

SHOWN = 25  # trials that the table shows; the rest opens when asked for

CAPTIONS = {
    "history": (
        "The search, trial by trial",
        "Each dot is a trial, that is, a recipe trained once; the line is the best so far. Where it stays level for "
        "long, more trials would find little. Triangles at the edge are scores beyond the scale, crosses trials that "
        "failed.",
    ),
    "intermediate": (
        "Every trial while it learnt",
        "A line is one trial's score on the validation digits after each epoch. Grey lines were pruned: stopped early "
        "because others were better by then, to spend the time elsewhere. Lines that still rise at the end would "
        "like more epochs.",
    ),
    "importances": (
        "What mattered",
        "How much each parameter decides whether a trial is among the best quarter (PED-ANOVA), as shares of 1. "
        "It is an estimate from a handful of trials: with fewer than 20 it is a hint, and a parameter with a small "
        "share may still matter outside the range that was searched.",
    ),
    "parallel": (
        "Trials as lines",
        "Follow a line from left to right: it passes each parameter's axis at the trial's value and ends at its score, "
        "the best on top. Dark lines are better, orange is the best, thin grey ones were pruned or failed. Where the "
        "dark lines bundle, a value is good; where they spread, it hardly matters.",
    ),
    "slices": (
        "Each parameter alone",
        "Each dot is a complete trial, later ones darker: the search goes where it expects good scores. Look for a "
        "hill. If the best dots lie at an edge of a panel, search beyond that edge. Dots in one column differ in the "
        "other parameters.",
    ),
    "seeds": (
        "The confirmation, seed by seed",
        "Each dot is a training from scratch with a seed of its own; the stroke is their mean, the pale bar the 95 % "
        "interval of that mean. Where there is a row of differences, they are those of the same seed: if its bar stays "
        "clear of the dashed line at 0, the difference is more than the luck of the seeds.",
    ),
}


@dataclass(frozen=True)
class Confirmed:
    """A recipe trained anew with several seeds: the k-th score of every one of them comes from the same seed.

    `scores` are accuracies (fractions) or losses on validation digits; NaN where training came to nothing.
    """

    name: str
    recipe: Recipe
    scores: tuple[float, ...]


def html(
    study: "optuna.Study",
    objective: str,
    confirmed: Sequence[Confirmed],
    best: Confirmed | None,
    about: Mapping[str, str],
    figures: Mapping[str, Path],
    command: str = "tenfold train best.json",
) -> str:
    """The page as text. The figures, by their names in search_figures, are read from their files and put inside.

    `best` is one of those confirmed; one of them may be named `AS_IT_WAS`, with which it is then compared. `about` are
    rows on the search, all of them plain text; `command` trains the best recipe.
    """
    trials = search_figures.ended(study)
    done = [trial for trial in trials if search_figures.complete(trial)]
    before = next((c for c in confirmed if c.name == AS_IT_WAS), None)
    winner = min(done, key=lambda trial: _order(trial, objective)[1:], default=None)
    drawn = "".join(_figure(name, path) for name, path in figures.items())
    body = [
        *_outcome(winner, objective, best, before),
        *_how(winner, best, command),
        *_differences(winner, best, before),
        *_confirmation(confirmed, best, objective),
        drawn,
        *_trials(trials, objective),
        "<h2>The search</h2>",
        table(("", ""), [(name, str(value)) for name, value in about.items()]),
        _quiet(
            "Everything here was measured on validation digits: the test set was neither learnt from nor looked at. "
            "Score the recipe you choose once, with tenfold evaluate, when all is decided."
        ),
    ]
    return page(f"tenfold tune: {about.get('recipe', 'a search')}", "\n".join(body))


def _outcome(
    winner: "FrozenTrial | None", objective: str, best: Confirmed | None, before: Confirmed | None
) -> list[str]:
    """The result in one big line, and what to make of it in plain words."""
    if best is None and winner is None:
        return ['<p class="big">No result</p>', _quiet("No trial came to its end, so there is nothing to choose from.")]
    if best is None:
        assert winner is not None
        value = written(search_figures.score(winner) or 0.0, objective)
        return [
            f'<p class="big">{value}</p>',
            _quiet(f"validation {objective} of trial {winner.number}, the best of the search, trained once"),
            _paragraph(
                "It is the highest of many, so it is flattered by luck: the same recipe with another seed will likely "
                "score less. Nothing was trained again to confirm it."
                if objective == "accuracy"
                else "It is the lowest of many, so it is flattered by luck: the same recipe with another seed will "
                "likely lose more. Nothing was trained again to confirm it."
            ),
        ]
    n = sum(map(math.isfinite, best.scores))
    over = "one seed" if n == 1 else f"mean ± standard deviation over {n} seeds"
    lines = [
        f'<p class="big">{escaping.escape(_brief(best.scores, objective))}</p>',
        _quiet(f"validation {objective} of {_called(best)}, {over}"),
    ]
    if best.name == AS_IT_WAS:
        return [*lines, _paragraph("Nothing that was tried beats the recipe as it was: keep that.")]
    if before is not None:
        lines.append(_paragraph(verdict(best, before, objective)))
    if winner is not None:
        value = written(search_figures.score(winner) or 0.0, objective)
        lines.append(
            _quiet(
                f"In the search the best trial, number {winner.number}, had scored {value}. That was the best of many "
                "and so flattered by luck, which is why the best ones were trained again. Choosing among these, by "
                "the same validation digits, still flatters the winner a little."
            )
        )
    return lines


def verdict(best: Confirmed, before: Confirmed, objective: str) -> str:
    """In a sentence or two: how the best recipe does against the one given, and whether that is more than luck."""
    was = f"The recipe as it was: {_brief(before.scores, objective)}."
    scores = list(zip(best.scores, before.scores, strict=False))
    pairs = [(one, other) for one, other in scores if math.isfinite(one) and math.isfinite(other)]
    if not pairs:
        return f"{was} No seed has a score for both, so they cannot be compared."
    found = statistics.paired(*zip(*pairs, strict=True))
    factor, unit = (100.0, " percentage points") if objective == "accuracy" else (1.0, "")
    what = "difference in points" if objective == "accuracy" else "difference in loss"
    places = search_figures.decimals(found.deviation * factor, what)
    mean = f"{written(found.mean * factor, what, places)}{unit}"
    if found.low is None or found.high is None:
        return f"{was} The difference is {mean} with a single seed, which says nothing about luck: use more seeds."
    low, high = written(found.low * factor, what, places), written(found.high * factor, what, places)
    better = found.wins if objective == "accuracy" else found.losses
    text_ = f"{was} Seed by seed the difference is {mean} (95 % interval {low} to {high}"
    text_ += f"{'' if found.p is None else f', p {_p(found.p)}'}), better with {better} of {found.n} seeds. "
    good = found.low > 0 if objective == "accuracy" else found.high < 0
    bad = found.high < 0 if objective == "accuracy" else found.low > 0
    if good:
        return text_ + "That is more than the luck of the seeds."
    if bad:
        return text_ + "It is worse, by more than the luck of the seeds: keep the recipe as it was."
    if found.mean == 0 and found.deviation == 0:
        return text_ + "There is no difference."
    return text_ + "That may be luck: the interval holds 0. More seeds would tell."


def _how(winner: "FrozenTrial | None", best: Confirmed | None, command: str) -> list[str]:
    if (best is None and winner is None) or (best is not None and best.name == AS_IT_WAS):
        return []
    return ["<h2>Train it</h2>", f"<pre><code>{escaping.escape(command)}</code></pre>"]


def _differences(winner: "FrozenTrial | None", best: Confirmed | None, before: Confirmed | None) -> list[str]:
    """What the best recipe changes in the one given, or what it is where that one is not known."""
    if best is None and winner is not None:
        values = [(name, text(value)) for name, value in winner.params.items()]
        return ["<h2>The best trial's parameters</h2>", table(("parameter", "value"), values)]
    if best is None or best.name == AS_IT_WAS:
        return []
    changed = best.recipe.differences(before.recipe if before else None)
    rows = [(name, value) for name, value in changed.items() if name not in ("name", "seed")]
    if before is None:
        title = "The best recipe, where it differs from the defaults"
        return [f"<h2>{title}</h2>", table(("field", "value"), [(name, _field(value)) for name, value in rows])]
    old = before.recipe.as_dict()
    compared = [(name, _field(old[name]), _field(value)) for name, value in rows]
    return ["<h2>What it changes</h2>", table(("field", AS_IT_WAS, best.name), compared)]


def _confirmation(confirmed: Sequence[Confirmed], best: Confirmed | None, objective: str) -> list[str]:
    """A row for each recipe that was trained anew, with the score of every seed."""
    if not confirmed:
        return []
    seeds = max(len(c.scores) for c in confirmed)
    rows = []
    for c in confirmed:
        finite = [score for score in c.scores if math.isfinite(score)]
        found = statistics.summary(finite) if finite else None
        interval = ""
        if found is not None and found.low is not None and found.high is not None:
            places = search_figures.decimals(found.deviation, objective)
            interval = f"{written(found.low, objective, places)} to {written(found.high, objective, places)}"
        each = [written(score, objective) if math.isfinite(score) else "–" for score in c.scores]
        mark = " (the best)" if best is not None and c.name == best.name else ""
        rows.append((c.name + mark, _brief(c.scores, objective), interval, *each, *[""] * (seeds - len(each))))
    head = ("recipe", "mean ± deviation", "95 % interval", *(f"seed {k + 1}" for k in range(seeds)))
    note = (
        "Each trained from scratch, with seeds that the search did not use; a column is one seed, the same for all. "
        "The interval is that of the mean (Student's t), over seeds: another validation set could move all of them."
    )
    return ["<h2>The confirmation</h2>", table(head, rows), _quiet(note)]


def _figure(name: str, path: Path) -> str:
    title, caption = CAPTIONS.get(name, (name, ""))
    drawn = f'<h2>{escaping.escape(title)}</h2><div class="wide figure">{picture(path, title)}</div>'
    return drawn + (_quiet(caption) if caption else "")


def _trials(trials: "Sequence[FrozenTrial]", objective: str) -> list[str]:
    """All trials, the best first; most of a long search are folded away."""
    if not trials:
        return ["<h2>All trials</h2>", _quiet("There are none.")]
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    head = ("trial", "state", objective, "epochs", "seconds", *names)
    rows = [_row(trial, objective, names) for trial in sorted(trials, key=lambda t: _order(t, objective))]
    counts = [
        f"{sum(trial.state.name == state for trial in trials):,} {word}"
        for state, word in (("COMPLETE", "complete"), ("PRUNED", "pruned"), ("FAIL", "failed"))
    ]
    note = f"{', '.join(counts)}. A pruned trial's score is that of its last epoch, not comparable with a complete one."
    shown = ["<h2>All trials</h2>", _quiet(note), table(head, rows[:SHOWN])]
    if len(rows) > SHOWN:
        rest = f"<summary>the other {len(rows) - SHOWN:,} trials</summary>{table(head, rows[SHOWN:])}"
        shown.append(f"<details>{rest}</details>")
    return shown


def _row(trial: "FrozenTrial", objective: str, names: Sequence[str]) -> tuple[str, ...]:
    value = search_figures.score(trial)
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
    # The training's own seconds where they are known: a trial's duration counts its waiting for a place too.
    took = trial.user_attrs.get("seconds", None if trial.duration is None else trial.duration.total_seconds())
    seconds = "" if took is None else f"{float(took):.1f}"
    epochs = f"{len(trial.intermediate_values)}" if trial.intermediate_values else ""
    each = [text(trial.params[name]) if name in trial.params else "" for name in names]
    return (f"{trial.number}", state, "" if value is None else written(value, objective), epochs, seconds, *each)


def _order(trial: "FrozenTrial", objective: str) -> tuple[int, float, int]:
    """What sorts trials: the complete before the pruned before the failed, then the best, then the first."""
    value = search_figures.score(trial)
    by_score = math.inf if value is None or math.isnan(value) else value if objective == "loss" else -value
    return (("COMPLETE", "PRUNED", "FAIL").index(trial.state.name), by_score, trial.number)


def _brief(scores: Sequence[float], objective: str) -> str:
    """The mean ± deviation of the scores there are, and how many are missing."""
    finite = [score for score in scores if math.isfinite(score)]
    lost = f", {len(scores) - len(finite)} without a score" if len(finite) < len(scores) else ""
    if not finite:
        return f"no score{lost}"
    found = statistics.summary(finite)
    places = search_figures.decimals(found.deviation, objective)
    deviation = f" ± {written(found.deviation, objective, places)}" if found.n > 1 else ""
    return f"{written(found.mean, objective, places)}{deviation}{lost}"


def _called(recipe: Confirmed) -> str:
    return "the recipe as it was" if recipe.name == AS_IT_WAS else recipe.name


def _field(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else text(value)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _paragraph(words: str) -> str:
    return f"<p>{escaping.escape(words)}</p>"


def _quiet(words: str) -> str:
    return f'<p class="quiet">{escaping.escape(words)}</p>'
