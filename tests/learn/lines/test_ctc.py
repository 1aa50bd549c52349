import math

import pytest
import torch

from tenfold.learn.lines import ctc
from tenfold.learn.lines.alphabet import decode, encode


def path(signs: str) -> torch.Tensor:
    """Logits (1, T, 21) whose best path is these signs, with _ for the blank."""
    logits = torch.zeros(1, len(signs), 21)
    for step, sign in enumerate(signs):
        logits[0, step, 0 if sign == "_" else encode(sign)[0]] = 9.0
    return logits


@pytest.mark.parametrize(
    ("signs", "text"), [("_11_1__2", "112"), ("3", "3"), ("____", ""), ("1212", "1212"), ("7777_7", "77")]
)
def test_equal_neighbours_are_one_sign_and_blanks_none(signs: str, text: str) -> None:
    read = ctc.best(path(signs))[0]
    assert decode(number for number in read.tolist() if number) == text


def test_the_loss_sums_over_all_ways_to_write_a_text() -> None:
    logits = torch.zeros(1, 2, 21)  # two steps, all alike: "1" is 1_, _1 or 11
    total = ctc.loss(logits, torch.tensor([encode("1")]))
    assert total.item() == pytest.approx(-math.log(3 / 21**2), rel=1e-5)


def test_lines_of_any_length_are_compared_as_a_whole() -> None:
    logits = torch.cat([path("1_2___"), path("1_2_3_")])
    labels = torch.tensor([[*encode("12"), 0, 0, 0, 0, 0, 0], [*encode("12"), 0, 0, 0, 0, 0, 0]])
    assert ctc.right(logits, labels) == 1
    assert ctc.right(logits, labels[:, :2]) == 1
