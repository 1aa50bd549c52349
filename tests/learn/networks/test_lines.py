import pytest
import torch

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES

RECIPE = RECIPES["lines"].changed(channels=(4, 6, 8, 10))


@pytest.mark.parametrize("width", [16, 40, 57, 300])
def test_a_line_of_any_width_has_two_steps_for_every_four_columns(width: int) -> None:
    network = networks.build(RECIPE, 20).eval()
    logits = network(torch.randn(3, 1, 40, width))
    assert logits.shape == (3, 2 * -(-width // 4), 21)


def test_what_is_read_depends_on_its_surroundings_alone() -> None:
    torch.manual_seed(0)
    network = networks.build(RECIPE, 20).eval()
    line = torch.randn(1, 1, 40, 400)
    other = line.clone()
    other[..., 300:] = 0
    logits, others = network(line), network(other)
    assert torch.allclose(logits[:, :60], others[:, :60], atol=1e-5)
    assert not torch.allclose(logits[:, 160:], others[:, 160:], atol=1e-2)


def test_steps_are_in_the_order_of_the_line() -> None:
    steps = networks.lines.Steps()
    columns = torch.arange(12.0).reshape(1, 4, 1, 3)  # classes 0 and 1 of the first step, then those of the second
    assert steps(columns)[0].tolist() == [[0, 3], [6, 9], [1, 4], [7, 10], [2, 5], [8, 11]]


def test_four_widths_are_needed() -> None:
    with pytest.raises(UsageError, match="--channels of the network line must be four widths, not 2"):
        networks.build(RECIPE.changed(channels=(4, 8)), 20)
