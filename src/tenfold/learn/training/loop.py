"""The training loop, over tensors in memory. It can be stopped between any two steps and resumed."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from tenfold.errors import DivergedError, Interrupted
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import optimizers, randomness
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.objectives import Objective, Step
from tenfold.learn.training.ranks import SingleProcess
from tenfold.learn.training.runs import Epoch
from tenfold.learn.training.watchers import Watcher

MARKS = 25  # points of the training curve in an epoch


def learn(
    recipe: Recipe,
    state: State,
    objective: Objective,
    group: SingleProcess,
    watcher: Watcher,
    save: Callable[[], None],
) -> None:
    """Train from where `state` is to the recipe's last epoch.

    Raises Interrupted when it was stopped and saved, DivergedError when the loss is no longer a number.
    """
    network, optimizer, device = state.network, state.optimizer, objective.device
    batch, steps = recipe.batch_size, objective.count // recipe.batch_size
    wrapped = group.wrap(network, device)
    forward = torch.compile(wrapped) if recipe.compile else wrapped
    if state.epoch == state.step == 0:
        watcher.step(state, steps)
    while state.epoch < recipe.epochs and not state.stopped:
        # Shuffle. All that is random in an epoch follows from the seed and its number, so it can be had again.
        generator, order = randomness.epoch(recipe.seed, state.epoch, objective.count, group.rank)
        order = order.to(device)
        if state.step and group.first:
            randomness.restore(state.random, generator, device)
        # What is summed up is the loss and the right answers of this epoch.
        state.sums = sums = torch.zeros(2, device=device) if state.sums is None else state.sums.to(device)
        augmented = state.epoch < recipe.epochs - recipe.unaugmented_epochs
        began = time.perf_counter() - state.seconds
        network.train()
        while state.step < steps:
            # Learning rate.
            lr = optimizers.learning_rate(recipe, state.epoch * steps + state.step, steps)
            optimizers.set_rate(optimizer, lr)
            # Forward and backward. A ragged last batch is left out; the next epoch's shuffle makes up for it.
            rows = group.rows(batch)
            index = order[state.step * batch : (state.step + 1) * batch][rows]
            images, labels = objective.batch(Step(state.epoch, state.step, rows, index, augmented, generator))
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.amp):
                logits = forward(images)
            total, shown, right = objective.loss(logits, labels, images)
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            state.step += 1
            sums += torch.stack([shown * len(labels), right])
            # Mark the training curve, show, and stop in the middle if asked to.
            if state.step % math.ceil(steps / MARKS) == 0 or state.step == steps:
                state.marks.append((state.step, sums.clone()))
            watcher.step(state, steps)
            if group.poll_stop(state.step) and state.step < steps:
                _check_finite(sums[0].item(), recipe, state)  # what is no number must not replace the last good state
                state.sums, state.marks = group.total(sums), [(step, group.total(mark)) for step, mark in state.marks]
                state.seconds, state.random = time.perf_counter() - began, randomness.capture(generator, device)
                save()
                raise Interrupted(f"stopped in epoch {state.epoch + 1}, all is saved")
        # Validate.
        state.marks = [(step, group.total(mark)) for step, mark in state.marks]
        train_loss, train_accuracy = (state.marks[-1][1] / (steps * batch)).tolist()
        _check_finite(train_loss, recipe, state)
        if recipe.recalibrate_batchnorm:
            objective.recalibrate(network)
        val_loss, val_accuracy = _validate(state, objective, group)
        _check_finite(val_loss or 0.0, recipe, state)
        if not objective.sample(network).isfinite().all():  # the last step may have broken it
            _check_finite(math.nan, recipe, state)
        # Log and save.
        state.steps += _curve(state.marks, state.epoch, batch)
        seconds, lr = time.perf_counter() - began, optimizer.param_groups[0]["lr"]  # a user's own may have another
        row = Epoch(state.epoch + 1, train_loss, train_accuracy, val_loss, val_accuracy, lr, seconds)
        state.finish_epoch(row, recipe.patience)
        save()
        watcher.epoch(state)
        if group.poll_stop() and state.epoch < recipe.epochs:
            raise Interrupted(f"stopped after epoch {state.epoch}, all is saved")


def _validate(state: State, objective: Objective, group: SingleProcess) -> tuple[float | None, float | None]:
    """Mean loss and accuracy on the held-out examples, if there are any."""
    count = objective.held
    if not count:
        return None, None
    mine = group.rows(count)
    mean, right = objective.validate(state.network, mine)
    sums = group.total(torch.tensor([mean * len(range(count)[mine]), right], dtype=torch.float64))
    return (mean if group.size == 1 else sums[0].item() / count), sums[1].item() / count


def _curve(marks: list[tuple[int, Tensor]], epoch: int, batch: int) -> list[dict[str, float]]:
    """The rows of steps.csv: mean loss and accuracy between each two marks of an epoch."""
    rows, before, so_far = [], 0, torch.zeros(2)
    for step, sums in marks:
        loss, accuracy = ((sums.cpu() - so_far) / ((step - before) * batch)).tolist()
        rows.append({"epoch": epoch + step / marks[-1][0], "loss": loss, "accuracy": accuracy})
        before, so_far = step, sums.cpu()
    return rows


def _check_finite(loss: float, recipe: Recipe, state: State) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss became {loss} in epoch {state.epoch + 1}: lower --lr (it is {recipe.lr:g}) or add --warmup"
        )
