"""The page that `tenfold tune` writes: what the search found, whether it is more than luck, and every trial of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.scoring.report import page, picture, table
from tenfold.learn.search import statistics
from tenfold.learn.search.statistics import brief, interval, written
from tenfold.learn.search.trials import best_of, counts, ended, order, score, state, text

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

AS_IT_WAS = "as it was"  # the name of the given recipe among those confirmed

MORE = (
    "Which parameters mattered, how they go together, and every trial epoch by epoch: optuna-dashboard "
    "sqlite:///study.db shows it, in the folder of this page (pip install optuna-dashboard)."
)
_NAMES = ("name", "seed")  # fields that are no change of a recipe
SHOWN = 25  # trials that the table shows; the rest opens when asked for

CAPTIONS = {
    "history": (
        "The search, trial by trial",
        "Each dot is a trial, that is, a recipe trained once; the line is the best so far. Where it stays level for "
        "long, more trials would find little. Triangles at the edge are scores beyond the scale, crosses trials that "
        "failed.",
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
        "interval of that mean. Where there is a row of differences, they are those of the same seed: a bar that holds "
        "the dashed line at 0 may be luck. One that does not is no proof, as the best of several was chosen: that is "
        "what the corrected p-value allows for.",
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
    """The page as text. The figures, by their names in `CAPTIONS`, are read from their files and put inside.

    `best` is one of those confirmed; one of them may be named `AS_IT_WAS`, with which it is then compared. `about` are
    rows on the search, all of them plain text; `command` trains the best recipe.
    """
    trials = ended(study)
    before = next((c for c in confirmed if c.name == AS_IT_WAS), None)
    winner = best_of(trials, objective)
    body = [
        *_outcome(winner, objective, best, confirmed),
        *_recipe(winner, best, before, command),
        *_confirmation(confirmed, best, objective),
        *(_figure(name, path) for name, path in figures.items()),
        *_trials(trials, objective),
        "<h2>The search</h2>",
        table(("", ""), list(about.items())),
        _quiet(MORE),
        _quiet(
            "Everything here was measured on validation digits: the test set was neither learnt from nor looked at. "
            "Score the recipe you choose once, with tenfold evaluate, when all is decided."
        ),
    ]
    return page(f"tenfold tune: {about.get('recipe', 'a search')}", "\n".join(body))


def _outcome(
    winner: "FrozenTrial | None", objective: str, best: Confirmed | None, confirmed: Sequence[Confirmed]
) -> list[str]:
    """The result in one big line, and what to make of it in plain words."""
    if best is None:
        if winner is None:
            return ['<p class="big">No result</p>', _quiet("No trial finished, so there is nothing to choose from.")]
        extreme, likely = ("highest", "score less") if objective == "accuracy" else ("lowest", "lose more")
        return [
            f'<p class="big">{written(score(winner) or 0.0, objective)}</p>',
            _quiet(f"validation {objective} of trial {winner.number}, the best of the search, trained once"),
            _paragraph(
                f"It is the {extreme} of many, so it is flattered by luck: the same recipe with another seed will "
                f"likely {likely}. Nothing was trained again to confirm it."
            ),
        ]
    n = sum(map(math.isfinite, best.scores))
    over = "one seed" if n == 1 else f"mean ± standard deviation over {n} seeds"
    called = "the recipe as it was" if best.name == AS_IT_WAS else best.name
    lines = [
        f'<p class="big">{escape(_brief(best.scores, objective))}</p>',
        _quiet(f"validation {objective} of {called}, {over}"),
        _paragraph(verdict(best, confirmed, objective)),
    ]
    if winner is not None and best.name != AS_IT_WAS:
        lines.append(
            _quiet(
                f"In the search the best trial, number {winner.number}, had scored "
                f"{written(score(winner) or 0.0, objective)}. That was the best of many and so flattered by luck, "
                "which is why the best ones were trained again. Choosing among these, by the same validation digits, "
                "still flatters the winner a little."
            )
        )
    return lines


def compared(confirmed: Sequence[Confirmed], objective: str) -> dict[str, statistics.Comparison]:
    """Each recipe against `AS_IT_WAS`, over the seeds that both have a score of; p-values allow for all of them.

    Empty where that is not among the confirmed.
    """
    before = next((one.scores for one in confirmed if one.name == AS_IT_WAS), ())
    found = {}
    for one in confirmed:
        pairs = [pair for pair in zip(one.scores, before, strict=False) if all(map(math.isfinite, pair))]
        if pairs and one.name != AS_IT_WAS:
            first, second = zip(*pairs, strict=True)
            found[one.name] = statistics.paired(first, second, statistics.ends_of(objective))
    return dict(zip(found, statistics.together(list(found.values())), strict=True))


def verdict(best: Confirmed, confirmed: Sequence[Confirmed], objective: str) -> str:
    """In a sentence or two: how the best does against the recipe as it was, and whether that is more than luck."""
    before = next((one for one in confirmed if one.name == AS_IT_WAS), None)
    if before is None:
        return "The recipe as it was has no scores, so there is nothing to compare with."
    if best.name == AS_IT_WAS:
        few = statistics.few(sum(map(math.isfinite, best.scores)))
        kept = "Nothing that was tried has a better mean than the recipe as it was: keep that."
        return f"{kept} But {few}." if few else kept
    was, found = f"The recipe as it was: {_brief(before.scores, objective)}.", compared(confirmed, objective)
    if best.name not in found:
        return f"{was} No seed has a score for both, so they cannot be compared."
    return f"{was} Seed by seed the difference is {statistics.told(found[best.name], objective)}."


def _recipe(winner: "FrozenTrial | None", best: Confirmed | None, before: Confirmed | None, command: str) -> list[str]:
    """How to train the best recipe, and what it changes in the one given, or in the defaults if that is not known."""
    how = ["<h2>Train it</h2>", f"<pre><code>{escape(command)}</code></pre>"]
    if best is None:
        if winner is None:
            return []
        values = [(name, text(value)) for name, value in winner.params.items()]
        return [*how, "<h2>The best trial's parameters</h2>", table(("parameter", "value"), values)]
    if best.name == AS_IT_WAS:
        return []
    old = before.recipe if before else Recipe()
    changed = best.recipe.differences(old).items()
    rows = [(name, _field(old.as_dict()[name]), _field(value)) for name, value in changed if name not in _NAMES]
    return [*how, "<h2>What it changes</h2>", table(("field", before.name if before else "default", best.name), rows)]


def _confirmation(confirmed: Sequence[Confirmed], best: Confirmed | None, objective: str) -> list[str]:
    """A row for each recipe that was trained anew, with the score of every seed."""
    if not confirmed:
        return []
    rows, against = [], compared(confirmed, objective)
    for c in confirmed:
        each = [written(value, objective) if math.isfinite(value) else "–" for value in c.scores]
        mark = " (the best)" if best is not None and c.name == best.name else ""
        p = None if c.name not in against or against[c.name].n < statistics.FEWEST else against[c.name].p
        chance = "" if p is None else statistics.chance(p)
        rows.append((c.name + mark, _brief(c.scores, objective), interval(c.scores, objective), chance, *each))
    seeds = max(len(c.scores) for c in confirmed)
    head = ("recipe", "mean ± deviation", "95 % interval", "p, corrected", *(f"seed {k + 1}" for k in range(seeds)))
    note = (
        "Each trained from scratch, with seeds that the search did not use; a column is one seed, the same for all. "
        "The interval is that of the mean, over seeds: another validation set could move all of them."
    )
    if against:
        note += (
            " The p-values are of paired t-tests against the recipe as it was, corrected by Holm's method for that "
            f"there are {len(against)} and the best is chosen. None is given below {statistics.FEWEST} seeds."
        )
    return ["<h2>The confirmation</h2>", table(head, rows), _quiet(note)]


def _figure(name: str, path: Path) -> str:
    title, caption = CAPTIONS.get(name, (name, ""))
    drawn = f'<h2>{escape(title)}</h2><div class="wide figure">{picture(path, title)}</div>'
    return drawn + (_quiet(caption) if caption else "")


def _trials(trials: "Sequence[FrozenTrial]", objective: str) -> list[str]:
    """All trials, the best first; most of a long search are folded away."""
    if not trials:
        return ["<h2>All trials</h2>", _quiet("There are none.")]
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    head = ("trial", "state", objective, "epochs", "seconds", *names)
    rows = [_row(trial, objective, names) for trial in sorted(trials, key=lambda trial: order(trial, objective))]
    how = ", ".join(f"{count:,} {word}" for word, count in counts(trials).items())
    note = f"{how}. A pruned trial's score is that of its last epoch, not comparable with a complete one."
    shown = ["<h2>All trials</h2>", _quiet(note), table(head, rows[:SHOWN])]
    if len(rows) > SHOWN:
        rest = f"<summary>the other {len(rows) - SHOWN:,} trials</summary>{table(head, rows[SHOWN:])}"
        shown.append(f"<details>{rest}</details>")
    return shown


def _row(trial: "FrozenTrial", objective: str, names: Sequence[str]) -> tuple[str, ...]:
    value = score(trial)
    # The training's own seconds where they are known: a trial's duration counts its waiting for a place too.
    took = trial.user_attrs.get("seconds", None if trial.duration is None else trial.duration.total_seconds())
    return (
        f"{trial.number}",
        state(trial),
        "" if value is None else written(value, objective),
        f"{len(trial.intermediate_values) or ''}",
        "" if took is None else f"{float(took):.1f}",
        *(text(trial.params[name]) if name in trial.params else "" for name in names),
    )


def _brief(scores: Sequence[float], objective: str) -> str:
    """The mean ± deviation of the scores there are, and how many are missing."""
    lost = sum(not math.isfinite(value) for value in scores)
    return brief(scores, objective) + (f", {lost} without a score" if lost else "")


def _field(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else text(value)


def _paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def _quiet(words: str) -> str:
    return f'<p class="quiet">{escape(words)}</p>'
