import math
import re
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from scipy import stats

from tenfold.learn import figures
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.search import figures as search_figures
from tenfold.learn.search.report import AS_IT_WAS, CAPTIONS, SHOWN, Confirmed, html

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
FAST = RECIPES["fast"].changed(lr=0.02, hidden=(128,))
ABOUT = {"recipe": "fast", "trials": "9 asked", "engine": "<script>alert(1)</script>"}
WAS = Confirmed(AS_IT_WAS, FAST, (0.9905, 0.9911, 0.9908, 0.9906, 0.9910))
BETTER = Confirmed("trial 2", FAST.changed(lr=0.03, hidden=(512, 256)), (0.9915, 0.9922, 0.9917, 0.9917, 0.9919))
LUCKY = Confirmed("trial 2", FAST.changed(lr=0.03), (0.9925, 0.9907, 0.9908, 0.9906, 0.9911))


def make_study(states: list[TrialState], objective: str = "accuracy", word: str = "64") -> optuna.Study:
    study = optuna.create_study(direction="minimize" if objective == "loss" else "maximize")
    lr = optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
    hidden = optuna.distributions.CategoricalDistribution([word, "512x256"])
    for k, state in enumerate(states):
        value = 0.98 + 0.00001 * ((k * 7) % 1000)
        study.add_trial(
            create_trial(
                state=state,
                params={"lr": 0.001 * (k + 1), "hidden": word},
                distributions={"lr": lr, "hidden": hidden},
                value=None if state is FAIL else value,
                intermediate_values={1: value - 0.01, 2: value},
            )
        )
    return study


class Page(HTMLParser):
    """The text of a page, its tags, and whether each that was opened was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.mark.parametrize(
    "states",
    [[], [COMPLETE], [PRUNED] * 4, [FAIL], [COMPLETE, PRUNED, FAIL, COMPLETE], [COMPLETE] * 500],
    ids=["none", "one", "pruned", "failed", "mixed", "500"],
)
@pytest.mark.parametrize("confirmed", [[], [WAS], [BETTER, WAS]], ids=["unconfirmed", "was", "two"])
def test_the_page_is_whole_whatever_happened(states: list[TrialState], confirmed: list[Confirmed]) -> None:
    page = html(make_study(states), "accuracy", confirmed, confirmed[0] if confirmed else None, ABOUT, {})
    found = Page(page)
    assert not found.links  # nothing to fetch
    assert "test set was neither learnt from nor looked at" in found.text
    assert page.count("<tr>") > len(states)
    if not confirmed and COMPLETE not in states:
        assert "No result" in found.text


def test_figures_are_inside_with_their_captions(tmp_path: Path) -> None:
    study = make_study([COMPLETE, PRUNED, COMPLETE])
    paths = {"history": figures.save(search_figures.history(study, "accuracy"), tmp_path / "history.png")}
    found = Page(html(study, "accuracy", [], None, ABOUT, {**paths, "<other>": paths["history"]}))
    assert len(found.links) == 2
    assert all(link.startswith("data:image/png;base64,") for link in found.links)
    assert CAPTIONS["history"][1] in found.text
    assert "<other>" in found.text
    assert {"history", "slices", "seeds"} == set(CAPTIONS)
    assert "optuna-dashboard sqlite:///study.db" in found.text


def test_the_outcome_says_whether_it_is_luck() -> None:
    study = make_study([COMPLETE] * 3)
    sure = Page(html(study, "accuracy", [BETTER, WAS], BETTER, ABOUT, {}, "tenfold train <there>/best.json")).text
    assert "99.180% ± 0.026%" in sure
    assert "better with 5 of 5 seeds): more than the luck of the seeds." in sure
    assert "The recipe as it was: 99.080% ± 0.025%" in sure
    assert "+0.100 points (95 % interval " in sure
    assert "corrected by Holm" not in sure.partition("In the search")[0]  # as there is one comparison alone
    assert "tenfold train <there>/best.json" in sure
    assert "flattered by luck" in sure  # the score in the search
    unsure = Page(html(study, "accuracy", [LUCKY, WAS], LUCKY, ABOUT, {})).text
    assert "): that may be luck, more seeds would tell." in unsure
    worse = Page(html(study, "accuracy", [WAS, BETTER], WAS, ABOUT, {})).text
    assert "Nothing that was tried has a better mean than the recipe as it was: keep that. " in worse
    assert "tenfold train" not in worse


def test_the_best_of_several_is_corrected_for_the_choice() -> None:
    # By itself its p-value is 0.025, which is luck for one of three.
    scores = (0.9912, 0.9914, 0.9907, 0.9914, 0.9917)
    best = Confirmed("trial 2", FAST.changed(lr=0.03), scores)
    others = [Confirmed(f"trial {k}", FAST.changed(lr=k / 100), LUCKY.scores[::-1]) for k in (4, 5)]
    alone = Page(html(make_study([COMPLETE]), "accuracy", [best, WAS], best, {}, {})).text
    assert "more than the luck" in alone
    p = stats.ttest_rel(scores, WAS.scores).pvalue
    assert 0.05 / 3 < p < 0.05
    found = Page(html(make_study([COMPLETE]), "accuracy", [best, *others, WAS], best, {}, {})).text
    assert f"p = {3 * p:.2g} in a paired t-test, corrected by Holm's method for 3 comparisons" in found
    assert "that may be luck" in found
    assert "of which there are 3: as the best of them is chosen, they are corrected by Holm's method" in found


@pytest.mark.parametrize(
    ("scores", "says"), [((0.01, 0.012, 0.011, 0.01, 0.011), "more than the luck"), ((0.1,) * 5, "worse, by more than")]
)
def test_less_loss_is_better(scores: tuple[float, ...], says: str) -> None:
    was, new = (
        Confirmed(AS_IT_WAS, FAST, (0.05, 0.051, 0.052, 0.051, 0.05)),
        Confirmed("trial 0", FAST.changed(lr=0.01), scores),
    )
    found = Page(html(make_study([COMPLETE] * 2, "loss"), "loss", [new, was], new, ABOUT, {})).text
    assert says in found
    assert f"better with {5 if scores[0] < 0.05 else 0} of 5 seeds" in found


def test_one_seed_and_lost_seeds_are_said() -> None:
    study = make_study([COMPLETE])
    was, new = Confirmed(AS_IT_WAS, FAST, (0.99,)), Confirmed("trial 0", FAST.changed(lr=0.01), (0.991,))
    text = Page(html(study, "accuracy", [new, was], new, {}, {})).text
    assert "the difference is +0.10 points; one seed tells nothing about luck: 4 more are needed." in text
    assert "±" not in text.partition("The confirmation")[0]
    kept = Page(html(study, "accuracy", [was, new], was, {}, {})).text
    assert "keep that. But one seed tells nothing about luck: 4 more are needed." in kept
    lost = Confirmed("trial 0", FAST.changed(lr=0.01), (0.991, math.nan, 0.992, 0.9925, 0.991))
    text = Page(html(study, "accuracy", [lost, WAS], lost, {}, {})).text
    assert "1 without a score" in text
    assert "4 seeds tell nothing about luck: 1 more is needed" in text


def test_what_changes_stands_beside_what_was() -> None:
    found = Page(html(make_study([COMPLETE]), "accuracy", [BETTER, WAS], BETTER, {}, {})).text
    assert re.search(r"hidden 128 512, 256 lr 0\.02 0\.03 The confirmation", found)


def test_trials_are_sorted_and_long_searches_folded() -> None:
    states = [PRUNED, *[COMPLETE] * 40, FAIL]
    page = html(make_study(states), "accuracy", [], None, {}, {})
    rows = re.findall(r"<td>(\d+)</td><td>(complete|pruned|failed)</td><td>([\d.]*)", page)
    assert len(rows) == 42
    assert [state for _, state, _ in rows] == ["complete"] * 40 + ["pruned", "failed"]
    scores = [float(score) for _, state, score in rows if state == "complete"]
    assert scores == sorted(scores, reverse=True)
    assert f"the other {42 - SHOWN} trials" in page
    assert page.index("<details>") < page.index("pruned</td>")
    assert "<details>" not in html(make_study(states[:10]), "accuracy", [], None, {}, {})


def test_a_row_says_how_long_the_training_itself_took() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trial(
        create_trial(value=0.99, intermediate_values={1: 0.98, 2: 0.985, 3: 0.99}, user_attrs={"seconds": 4})
    )
    study.add_trial(create_trial(value=0.98))
    page = html(study, "accuracy", [], None, {}, {})
    assert "<tr><td>0</td><td>complete</td><td>99.00%</td><td>3</td><td>4.0</td></tr>" in page


def test_everything_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    named = Confirmed(evil, FAST.changed(augment="shift=1"), (0.99, 0.991))
    study = make_study([COMPLETE] * 2, word=evil)
    for best, confirmed in ((None, []), (named, [named]), (named, [named, WAS])):
        page = html(study, "accuracy", confirmed, best, {"recipe": evil, evil: evil}, {}, evil)
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        Page(page)
