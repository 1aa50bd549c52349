"""Each score against its definition worked out by hand or by another way."""

import math

import pytest
import torch

from tenfold.learn.scoring import metrics

LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.5]])
LABELS = torch.tensor([0, 1, 1, 2])


def test_wilson_against_published_values() -> None:
    # R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3
    for (right, total), interval in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
    }.items():
        assert metrics.wilson(right, total) == pytest.approx(interval, abs=5e-5)
    low, high = metrics.wilson(20, 20)
    assert (round(low, 4), high) == (0.8389, 1.0)


def test_nll_and_brier() -> None:
    p = LOGITS.softmax(1)
    assert metrics.nll(LOGITS, LABELS) == pytest.approx(
        -sum(math.log(p[i, k]) for i, k in enumerate(LABELS.tolist())) / 4
    )
    by_hand = sum(sum((p[i, k].item() - int(k == LABELS[i])) ** 2 for k in range(3)) for i in range(4)) / 4
    assert metrics.brier(p, LABELS) == pytest.approx(by_hand, rel=1e-6)
    certain = torch.eye(3)
    assert metrics.brier(certain, torch.tensor([0, 1, 2])) == 0
    assert metrics.brier(certain, torch.tensor([1, 2, 0])) == 2


def test_reliability_and_calibration_error() -> None:
    probabilities = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [1.0, 0.0]])
    bins = metrics.reliability(probabilities, torch.tensor([0, 1, 1, 0]), bins=10)
    assert [(round(b.low, 1), b.count) for b in bins] == [(0.6, 1), (0.9, 3)]
    assert bins[1].accuracy == pytest.approx(2 / 3)
    assert bins[1].confidence == pytest.approx(2.9 / 3)
    assert metrics.calibration_error(bins) == pytest.approx(1 / 4 * 0.35 + 3 / 4 * (0.9 / 3), rel=1e-5)


def test_confusion_and_class_scores() -> None:
    matrix = metrics.confusion(LOGITS.argmax(1), LABELS, 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    first, second, third = metrics.class_scores(matrix, ("a", "b", "c"))
    assert (first.precision, first.recall, first.support) == (0.5, 1.0, 1)
    assert first.f1 == pytest.approx(2 * 0.5 * 1.0 / 1.5)
    assert (second.precision, second.recall, second.support) == (1.0, 0.5, 2)
    assert (third.precision, third.recall, third.f1) == (0.0, 0.0, 0.0)


def test_roc_auc_is_the_chance_of_the_right_order() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 8, (200,), generator=generator).float()
    positive = torch.rand(200, generator=generator) < 0.3 + 0.05 * scores
    pairs = scores[positive][:, None] - scores[~positive][None]
    by_pairs = ((pairs > 0).double() + 0.5 * (pairs == 0)).mean().item()
    assert metrics.roc_auc(scores, positive) == pytest.approx(by_pairs, rel=1e-12)
    assert math.isnan(metrics.roc_auc(scores, torch.ones(200, dtype=torch.bool)))
