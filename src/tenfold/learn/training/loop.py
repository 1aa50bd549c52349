"""The training loop, over tensors in memory. It can be stopped between any two steps and resumed."""

import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.errors import DivergedError, Interrupted
from tenfold.learn.digits.augment import augment
from tenfold.learn.digits.dataset import Dataset
from tenfold.learn.digits.pictures import distort
from tenfold.learn.networks.batchnorm import recalibrate
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import optimizers, randomness
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.losses import Loss
from tenfold.learn.training.ranks import SingleProcess
from tenfold.learn.training.runs import Epoch
from tenfold.learn.training.watchers import Watcher

MARKS = 25  # points of the training curve in an epoch
RECALIBRATED = 5_000  # digits that batch normalisation is recalibrated on


def learn(
    recipe: Recipe,
    state: State,
    dataset: Dataset,
    loss: Loss,
    group: SingleProcess,
    watcher: Watcher,
    save: Callable[[], None],
) -> None:
    """Train from where `state` is to the recipe's last epoch.

    Raises Interrupted when it was stopped and saved, DivergedError when the loss is no longer a number.
    """
    network, optimizer, device = state.network, state.optimizer, dataset.images.device
    batch, steps = recipe.batch_size, len(dataset.images) // recipe.batch_size
    augmentation = Augmentation.parse(recipe.augment)
    wrapped = group.wrap(network, device)
    forward = torch.compile(wrapped) if recipe.compile else wrapped
    if state.epoch == state.step == 0:
        watcher.step(state, steps)
    while state.epoch < recipe.epochs and not state.stopped:
        # Shuffle. All that is random in an epoch follows from the seed and its number, so it can be had again.
        generator, order = randomness.epoch(recipe.seed, state.epoch, len(dataset.images), group.rank)
        order = order.to(device)
        if state.step and group.first:
            randomness.restore(state.random, generator, device)
        # What is summed up is the loss and the right answers of this epoch.
        state.sums = sums = torch.zeros(2, device=device) if state.sums is None else state.sums.to(device)
        amounts = augmentation if state.epoch < recipe.epochs - recipe.unaugmented_epochs else Augmentation()
        began = time.perf_counter() - state.seconds
        network.train()
        while state.step < steps:
            # Learning rate.
            lr = optimizers.learning_rate(recipe, state.epoch * steps + state.step, steps)
            for parameters in optimizer.param_groups:
                parameters["lr"] = lr
            # Forward and backward. A ragged last batch is left out; the next epoch's shuffle makes up for it.
            index = order[state.step * batch : (state.step + 1) * batch][group.rows(batch)]
            images, labels = _batch(dataset, index, amounts, generator), dataset.labels[index]  # (B, 1, 28, 28), (B,)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.amp):
                logits = forward(images)  # (B, classes)
            total, shown = loss(logits, labels, images)
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            state.step += 1
            sums += torch.stack([shown * len(labels), right(logits.detach(), labels, recipe)])
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
            recalibrate(network, dataset.images[:RECALIBRATED])
        val_loss, val_accuracy = _validate(state, dataset, group)
        _check_finite(val_loss or 0.0, recipe, state)
        if not infer(network, dataset.images[:100]).isfinite().all():  # the last step may have broken it
            _check_finite(math.nan, recipe, state)
        # Log and save.
        state.steps += _curve(state.marks, state.epoch, batch)
        seconds = time.perf_counter() - began
        row = Epoch(state.epoch + 1, train_loss, train_accuracy, val_loss, val_accuracy, lr, seconds)
        state.finish_epoch(row, recipe.patience)
        save()
        watcher.epoch(state)
        if group.poll_stop() and state.epoch < recipe.epochs:
            raise Interrupted(f"stopped after epoch {state.epoch}, all is saved")


def _batch(dataset: Dataset, index: Tensor, amounts: Augmentation, generator: torch.Generator) -> Tensor:
    """Images float (B, 1, 28, 28) as the network sees them: augmented, or as pictures show them, and normalised."""
    ink = grey(dataset.images[index])
    if dataset.distances is not None:
        ink = distort(ink, dataset.distances[index], amounts, generator)
    elif amounts:
        ink = augment(ink, amounts, generator)
    return normalise(ink)


def right(logits: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    """How many answers are right; where there are outliers, to answer nothing may be."""
    logits = F.pad(logits, (0, 1)) if recipe.outliers else logits
    return (logits.argmax(1) == labels).sum()


def _validate(state: State, dataset: Dataset, group: SingleProcess) -> tuple[float | None, float | None]:
    """Cross-entropy and accuracy on the validation digits, if there are any."""
    if dataset.val_images is None or dataset.val_labels is None:
        return None, None
    count = len(dataset.val_images)
    mine = group.rows(count)
    logits, labels = infer(state.network, dataset.val_images[mine]), dataset.val_labels[mine]
    right, mean = (logits.argmax(1) == labels).sum().item(), F.cross_entropy(logits, labels).item()
    sums = group.total(torch.tensor([mean * len(labels), right], dtype=torch.float64))
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
