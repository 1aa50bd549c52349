import pytest
import torch
from torch import nn

from tenfold.learn.recipes.recipe import OPTIMIZERS, SCHEDULES, Recipe
from tenfold.learn.training import optimizers
from tenfold.learn.training.optimizers import learning_rate


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_goes_downhill(name: str) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(5, 1)
    x, wanted = torch.randn(64, 5), torch.ones(64, 1)
    lr = 1.0 if name == "adadelta" else 0.02
    optimizer = optimizers.build(Recipe(optimizer=name, lr=lr), layer, torch.device("cpu"))
    assert type(optimizer).__name__.lower() == name
    losses = []
    for _ in range(60):
        loss = (layer(x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] * 0.8


def test_the_recipes_numbers_reach_the_optimizer() -> None:
    recipe = Recipe(lr=0.02, momentum=0.7, beta2=0.9, weight_decay=0.1)
    cpu, layer = torch.device("cpu"), nn.Linear(2, 2)
    adam = optimizers.build(recipe, layer, cpu).param_groups[0]
    assert (adam["lr"], adam["betas"], adam["weight_decay"]) == (0.02, (0.7, 0.9), 0.1)
    sgd = optimizers.build(recipe.changed(optimizer="sgd"), layer, cpu).param_groups[0]
    assert (sgd["momentum"], sgd["nesterov"]) == (0.7, True)
    assert optimizers.build(recipe.changed(optimizer="adadelta"), layer, cpu).param_groups[0]["rho"] == 0.9


def test_a_rate_that_is_scaled_follows_the_schedule_still() -> None:
    recipe = Recipe(lr=0.02)
    optimizer = optimizers.build(recipe, nn.Linear(2, 2), torch.device("cpu"))
    optimizers.scale_rate(optimizer, 0.5)
    optimizers.set_rate(optimizer, 0.01)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.005)
    optimizers.scale_rate(optimizer, 2)  # of the recipe's, not of what it was
    optimizers.set_rate(optimizer, 0.01)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.02)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_a_schedule_stays_between_zero_and_the_highest_rate(schedule: str, warmup: float) -> None:
    recipe = Recipe(schedule=schedule, epochs=5, lr=0.1, warmup=warmup)
    rates = [learning_rate(recipe, step, 20) for step in range(100)]
    assert all(0 < rate <= 0.1 + 1e-12 for rate in rates)
    assert max(rates) == pytest.approx(0.1, rel=0.3 if (schedule, warmup) == ("step", 0.2) else 0.01)
    if warmup:
        assert rates[0] < 0.01
        assert rates[:20] == sorted(rates[:20])


def test_schedules_by_hand() -> None:
    def rates(**fields: object) -> list[float]:
        recipe = Recipe(epochs=2, lr=1.0, gamma=0.5).changed(**fields)
        return [round(learning_rate(recipe, step, 2), 4) for step in range(4)]

    assert rates(schedule="constant") == [1, 1, 1, 1]
    assert rates(schedule="step") == [1, 1, 0.5, 0.5]
    assert rates(schedule="linear") == [1, 0.75, 0.5, 0.25]
    assert rates(schedule="cosine") == [1, 0.8536, 0.5, 0.1464]
    assert rates(schedule="constant", warmup=0.5) == [0.3333, 0.6667, 1, 1]
