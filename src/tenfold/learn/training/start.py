"""Training: one loop over tensors in memory, that can be stopped anywhere and gone on with."""

import copy
import csv
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold import files
from tenfold.errors import DataError, DivergedError, Interrupted, RunError, StorageError, UsageError
from tenfold.learn import networks
from tenfold.learn.digits import dataset, pictures
from tenfold.learn.digits.augment import Augmentation
from tenfold.learn.digits.dataset import Material
from tenfold.learn.digits.parts import Part
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes import presets, tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import calibration, checkpoint, models, optimizers, randomness, ranks, runs
from tenfold.learn.training.checkpoint import Epoch, State
from tenfold.learn.training.display import Display
from tenfold.learn.training.ranks import Alone
from tenfold.learn.training.runs import Run
from tenfold.learn.training.stopping import Stop
from tenfold.mnist.sources import IN_MEMORY, Source

if TYPE_CHECKING:
    from tenfold.learn.training.trackers import Onlooker

SETTLING, BATCH = 5_000, 500  # digits, in batches of so many, that batch normalisation settles by
MARKS = 25  # points of the training curve in an epoch


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    out: str | Path | None = None,
    resume: str | Path | Run | None = None,
    quiet: bool = False,
    display: Display | None = None,
    track: str | Sequence[str] = (),
    watch: bool = False,
    source: Source | None = None,
    **changes: Any,
) -> Run:
    """Train a network and return its run folder.

    Args:
        recipe: The name of a recipe, a recipe in a JSON file, or a Recipe. None is the default recipe, or with init
            that of the initial network with few steps at a low rate: see `recipes.teaching`.
        out: The run folder, new or empty; runs/<time>-<recipe> when it is None.
        resume: A run that was stopped, to go on with as it was; it ends with the weights of a run without a stop.
        quiet: Show nothing.
        display: Where progress is shown, instead of on standard output; its `epoch` hears of every epoch.
        track: "tensorboard", "mlflow", or both: who is told of the recipe, the curves and the model.
        watch: Save the training as an animation in the run folder.
        source: Labelled digits in memory, instead of `data`. Such a run can be resumed with the same source alone.
        changes: Fields of the recipe, such as epochs=3 or lr=3e-3.

    The same recipe, data and number of threads give bit-identical weights on the CPU. PyTorch's global random state
    is left as it was. The test set is not read.

    Raises:
        UsageError: a name, field or value that cannot be meant.
        DataError, DeviceError, RunError, StorageError: as their names say; then no folder is left behind.
        DivergedError: the loss is no longer a number. The state of the epoch before is kept.
        Interrupted: Ctrl-C. The state is kept.
    """
    with ranks.joined() as team:
        display = display or Display(quiet=quiet)
        if (track or watch) and team.first:
            display.onlookers += _onlookers(track, watch=watch, source=source)
        return _train(team, recipe, out, resume, display, changes, source)


def _onlookers(track: str | Sequence[str], *, watch: bool, source: Source | None) -> list["Onlooker"]:
    """Those who are to be told of a training."""
    from tenfold.learn.explain import film
    from tenfold.learn.training import trackers

    return [*trackers.named(track), *([film.Watch(source=source)] if watch else [])]


def _train(
    team: Alone,
    recipe: str | Path | Recipe | None,
    out: str | Path | None,
    resume: str | Path | Run | None,
    display: Display,
    changes: dict[str, Any],
    source: Source | None,
) -> Run:
    run = None
    if resume is not None:
        run = team.agree(Run.open(resume) if team.first else None)
        given = [f"--{name.replace('_', '-')}" for name in [*changes, *(["out"] if out is not None else [])]]
        if given or recipe is not None:
            left = ", ".join([*(["the recipe"] if recipe is not None else []), *given])
            raise UsageError(
                f"--resume goes on with the run as it was begun: leave {left} out, or begin from it by --init"
            )
        recipe = run.recipe
    if recipe is None:
        recipe = _teaching(changes) or presets.DEFAULT
    recipe = _located(presets.resolve(recipe, **changes))
    if source is not None:
        recipe = recipe.changed(data=IN_MEMORY)
    device, part = team.device(recipe.device), team.part(recipe.batch_size)
    material = dataset.load(recipe, device, source)
    if team.agree(material.source.checksum) != material.source.checksum:
        raise DataError(f"{material.source.name} holds other data here than where the first rank is: bring the same")
    with display, Stop() as stop, randomness.isolated(device):
        for note in material.source.notes:
            display.line(f"{material.source.name}: {note}")
        torch.manual_seed(recipe.seed)
        network = networks.build(recipe, len(material.task.classes))
        teacher = _teacher(recipe, material, device)
        if run is None:
            if recipe.init is not None:
                display.line(_initialise(network, recipe, material.task))
            network.to(device)
            if material.own_images is not None:
                display.line(_own_score(network, material, recipe) + " before")
            optimizer = optimizers.build(recipe, network, device)
            state = State({}, {}, list(material.task.classes), material.source.checksum, recipe.as_dict())
            run = _begin(recipe, out, network, optimizer, state, team)
        else:
            state = team.agree(_resumed(run, material) if team.first else None)
            network.load_state_dict(state.network)
            network.to(device)
            optimizer = optimizers.build(recipe, network, device)
            optimizer.load_state_dict(state.optimizer)
            with team.writing(run.path) as mine:
                if mine:
                    _write_rows(state, run)  # a kill may have come between the checkpoint and these
            if state.epoch == recipe.epochs or state.stopped:
                display.line(f"{run.path} has come to its end already")
        display.opened(run)
        _learn(recipe, network, optimizer, material, state, run, display, team.heeding(stop), team, part, teacher)
        if state.best is not None:
            network.load_state_dict(state.best)
        if material.own_images is not None:
            display.line(_own_score(network, material, recipe) + " now")
        data = {"name": material.source.name, "sha256": material.source.checksum}
        kept = state.history[_best(state.history) if state.best is not None else -1]
        temperature = 1.0
        if material.val_images is not None and material.val_labels is not None:
            temperature = calibration.fit_temperature(infer(network, material.val_images), material.val_labels)
        model = models.Model(network, recipe, material.task, material.source.classes, asdict(kept), data, temperature)
        with team.writing(run.path) as mine:
            if mine:
                models.save(model, run.model_file)
        display.ended(run)
    return run


def _learn(
    recipe: Recipe,
    network: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    material: Material,
    state: State,
    run: Run,
    display: Display,
    stop: Stop,
    team: Alone,
    part: Part,
    teacher: models.Model | None,
) -> None:
    """The training loop: from where `state` is to the recipe's last epoch."""
    device, batch, steps = material.images.device, recipe.batch_size, len(material.images) // recipe.batch_size
    augmentation = Augmentation.parse(recipe.augment)
    parallel = team.parallel(network, part)
    forward = torch.compile(parallel) if recipe.compile else parallel
    if state.epoch == state.step == 0:
        display.stepped(0, recipe.epochs * steps, network)
    while state.epoch < recipe.epochs and not state.stopped:
        # Shuffle. All that is random in an epoch follows from the seed and its number, so it can be had again.
        generator = torch.Generator().manual_seed(randomness.epoch_seed(recipe.seed, state.epoch))
        torch.manual_seed(generator.initial_seed())
        order = torch.randperm(len(material.images), generator=generator).to(device)
        if state.step:
            randomness.restore(state.random, generator, device)
        sums = torch.zeros(2, device=device) if state.sums is None else state.sums.to(device)  # of loss, right answers
        began = time.perf_counter() - state.seconds
        network.train()
        display.begin(state.epoch + 1, recipe.epochs, state.step, steps)
        while state.step < steps:
            # Learning rate.
            lr = optimizers.learning_rate(recipe, state.epoch * steps + state.step, steps)
            for group in optimizer.param_groups:
                group["lr"] = lr
            # Forward and backward. A ragged last batch is left out; the next epoch's shuffle makes up for it.
            index = order[state.step * batch : (state.step + 1) * batch][part.rows]
            ink = grey(material.images[index])  # (B, 1, 28, 28)
            if material.distances is not None:
                ink = pictures.spoil(ink, material.distances[index], augmentation, generator, part)
            elif augmentation and state.epoch < recipe.epochs - recipe.plain:
                ink = augmentation(ink, generator, part)
            images, labels = normalise(ink), material.labels[index]
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.amp):
                logits = forward(images)  # (B, classes)
            if recipe.outliers:  # what is no digit has a logit too, that is always 0
                logits = F.pad(logits, (0, 1))
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
            if teacher is not None:
                loss = recipe.heed * _distilled(logits, images, teacher, recipe) + (1 - recipe.heed) * loss
            # What is shown is the plain cross-entropy, to be compared with that on the validation digits.
            plain = not recipe.label_smoothing and teacher is None
            shown = loss.detach() if plain else F.cross_entropy(logits.detach().float(), labels)
            figures = torch.stack([shown * len(labels), (logits.detach().argmax(1) == labels).sum()])
            optimizer.zero_grad(set_to_none=True)
            sums += team.backward(loss, figures)
            optimizer.step()
            state.step += 1
            display.stepped(state.epoch * steps + state.step, recipe.epochs * steps, network)
            if state.step % math.ceil(steps / MARKS) == 0 or state.step == steps:
                state.marks.append((state.step, sums.clone()))
            # Show, and stop in the middle if asked to.
            if display.due:
                mean_loss, accuracy = (sums / (state.step * batch)).tolist()
                _check_finite(mean_loss, recipe, state, run)
                left = (recipe.epochs - state.epoch) * steps - state.step
                display.update(state.step, left, batch, mean_loss, accuracy)
            if stop.asked and state.step < steps:
                _check_finite(
                    sums[0].item(), recipe, state, run
                )  # what is no number must not replace the last good state
                state.sums, state.seconds = sums, time.perf_counter() - began
                state.random = randomness.capture(generator, device)
                _keep(state, network, optimizer, run, team)
                raise Interrupted(
                    f"stopped in epoch {state.epoch + 1}, all is saved; go on: tenfold train --resume {run.path}"
                )
        # Validate.
        train_loss, train_accuracy = (sums / (steps * batch)).tolist()
        _check_finite(train_loss, recipe, state, run)
        if recipe.settle:
            settle(network, material.images[:SETTLING])
        val_loss, val_accuracy = _validate(network, material, display, team)
        _check_finite(val_loss or 0.0, recipe, state, run)
        if not infer(network, material.images[:100]).isfinite().all():  # the last step may have broken it
            _check_finite(math.nan, recipe, state, run)
        # Log and save.
        state.steps += _trace(state.marks, state.epoch, batch)
        state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
        state.sums, state.marks, state.random = None, [], []
        seconds = time.perf_counter() - began
        state.history.append(Epoch(state.epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr, seconds))
        display.epoch(state.history[-1], recipe.epochs)
        if recipe.patience:
            since = state.epoch - 1 - _best(state.history)
            state.best = copy.deepcopy(network.state_dict()) if since == 0 else state.best
            state.stopped = since >= recipe.patience
        _keep(state, network, optimizer, run, team)
        display.looked(state.history[-1], network)
        if stop.asked and state.epoch < recipe.epochs:
            raise Interrupted(
                f"stopped after epoch {state.epoch}, all is saved; go on: tenfold train --resume {run.path}"
            )


@torch.no_grad()
def settle(network: nn.Module, images: Tensor) -> None:
    """Let batch normalisation take its means and variances from images uint8 (N, 28, 28), all at their present weights.

    While it learns they are a moving average over augmented digits, which spread more than those that are to be read.
    Y. Wu and J. Johnson 2021, Rethinking "batch" in BatchNorm (arXiv 2105.07576).
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    training = [(module, module.training) for module in network.modules()]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over all batches
        layer.train()
    for batch in torch.chunk(images, math.ceil(len(images) / BATCH)) if layers else ():
        network(normalise(grey(batch)))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, was in training:
        module.training = was


def _validate(
    network: nn.Sequential, material: Material, display: Display, team: Alone
) -> tuple[float | None, float | None]:
    """Cross-entropy and accuracy on the validation digits, if there are any."""
    if material.val_images is None or material.val_labels is None:
        return None, None
    count = len(material.val_images)
    logits = team.assemble(infer(network, material.val_images[team.rows(count)], track=display.validating), count)
    accuracy = (logits.argmax(1) == material.val_labels).sum().item() / len(logits)
    return F.cross_entropy(logits, material.val_labels).item(), accuracy


def _own_score(network: nn.Module, material: Material, recipe: Recipe) -> str:
    """How many of the user's own digits are answered right, in a sentence; "no digit" is a wrong answer."""
    assert material.own_images is not None
    assert material.own_labels is not None
    logits = infer(network, material.own_images)
    logits = F.pad(logits, (0, 1)) if recipe.outliers else logits
    right = int((logits.argmax(1) == material.own_labels).sum())
    return f"{right:,} of {len(logits):,} digits of yours are answered right"


def _located(recipe: Recipe) -> Recipe:
    """The recipe with full paths, so that a run can be resumed from another folder."""
    paths = {"data": Path(recipe.data).expanduser()} if recipe.data not in (None, IN_MEMORY) else {}
    if recipe.init and recipe.init != models.DEFAULT:
        paths["init"] = _initial(recipe.init)
    if recipe.teacher:
        paths["teacher"] = _initial(recipe.teacher)
    return recipe.changed(**{name: str(path.absolute()) for name, path in paths.items()})


def _teacher(recipe: Recipe, material: Material, device: torch.device) -> models.Model | None:
    """The model to learn from, if the recipe names one. Raises UsageError when it answers another question."""
    if recipe.teacher is None:
        return None
    teacher = runs.find_model(recipe.teacher, device)[0]
    if (teacher.task.groups, teacher.data_classes) != (material.task.groups, material.source.classes):
        raise UsageError(f"--teacher tells {', '.join(teacher.task.classes)} apart: that is another question")
    if teacher.recipe.outliers:
        raise UsageError("--teacher has an answer for what is no digit: it can teach no network without")
    return teacher


def _distilled(logits: Tensor, images: Tensor, teacher: models.Model, recipe: Recipe) -> Tensor:
    """How far logits (B, classes) are from what the teacher says of the same images, both softened.

    G. Hinton, O. Vinyals, J. Dean 2015, Distilling the knowledge in a neural network (arXiv 1503.02531), but times the
    temperature, not its square: then no gradient is larger than that of labels can be, and SGD keeps its learning rate.
    """
    with torch.no_grad():
        wanted = (teacher.network(images).float() / (teacher.temperature * recipe.soften)).log_softmax(1)
    found = (logits.float() / recipe.soften).log_softmax(1)
    return F.kl_div(found, wanted, reduction="batchmean", log_target=True) * recipe.soften


def _initial(init: str | Path) -> Path:
    """The run or file that `init` names: the bundled weights, a path, or the name of a run."""
    path = models.BUNDLED if str(init) == models.DEFAULT else Path(init).expanduser()
    return runs.ROOT / path if not path.exists() and len(path.parts) == 1 else path


def _teaching(changes: dict[str, Any]) -> Recipe | None:
    """The recipe to go on with from the network that `init` among the changes names.

    None without one, and for plain weights, which do not say what they are of.
    """
    if changes.get("init") is None:
        return None
    path = _initial(changes["init"])
    if not path.is_file():
        return presets.teaching(Run.open(path).recipe, **changes)
    initial = models.described(path)
    return None if initial is None else presets.teaching(initial.recipe, **changes)


def _begin(
    recipe: Recipe,
    out: str | Path | None,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: State,
    team: Alone,
) -> Run:
    """The run folder, with a checkpoint from before the first step, so that a run can be resumed from the start."""
    run = team.agree(runs.create(recipe, out) if team.first else None)
    try:
        _keep(state, network, optimizer, run, team)
    except StorageError:
        for path in (*run.path.iterdir(), run.path):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise
    return run


def _resumed(run: Run, material: Material) -> State:
    state = checkpoint.load(run.checkpoint_file)
    if state.classes != list(material.task.classes):
        theirs, ours = "/".join(state.classes), "/".join(material.task.classes)
        raise RunError(f"{run.path} holds a checkpoint of another task: it tells {theirs} apart, the recipe {ours}")
    free = ("data", "device", "init")  # may change without changing what is learnt
    theirs_, ours_ = (
        {k: v for k, v in r.items() if k not in free} for r in (Recipe().as_dict() | state.recipe, run.recipe.as_dict())
    )
    if theirs_ != ours_:
        changed = ", ".join(name for name in ours_ if theirs_.get(name) != ours_[name])
        raise RunError(
            f"{run.path / 'recipe.json'} was changed since the run began ({changed}): change it back, or use --init"
        )
    if state.data != material.source.checksum:
        raise RunError(
            f"{run.path} was begun on other data than {material.source.name} holds now: begin anew or use --init"
        )
    return state


def _initialise(network: nn.Sequential, recipe: Recipe, task: tasks.Task) -> str:
    """Fill the network with the weights of an earlier one, and say so in a sentence."""
    assert recipe.init is not None
    path = _initial(recipe.init)
    name = "the bundled model" if recipe.init == models.DEFAULT else path.name
    if path.is_file():
        earlier = models.described(path)
    else:
        run = Run.open(path)
        earlier, path = run.model(), run.model_file
    if earlier is not None and earlier.task.classes != task.classes and not recipe.new_head:
        raise RunError(
            f"{recipe.init} was taught another task ({'/'.join(earlier.task.classes)}, not {'/'.join(task.classes)}): "
            "add --new-head to keep all but its output layer"
        )
    weights = models.read_weights(path)
    fresh = network.state_dict()
    if recipe.new_head:
        head = networks.output_layer(network)
        weights = {
            key: fresh.get(key, value) if int(key.split(".")[0]) >= head else value for key, value in weights.items()
        }
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in fresh.items()}:
        hint = "" if earlier is None else "; leave the recipe out to go on with theirs"
        raise RunError(
            f"the weights in {recipe.init} are of another network than {recipe.network} with these widths and classes"
            + hint
        )
    network.load_state_dict(weights)
    return f"weights from {name}" + (", but for the output layer" if recipe.new_head else "")


def _keep(state: State, network: nn.Module, optimizer: torch.optim.Optimizer, run: Run, team: Alone) -> None:
    """Write the checkpoint, then the metrics that belong to it."""
    state.network, state.optimizer = network.state_dict(), optimizer.state_dict()
    with team.writing(run.path) as mine:
        if mine:
            checkpoint.save(state, run.checkpoint_file)
            _write_rows(state, run)


def _write_rows(state: State, run: Run) -> None:
    """Write metrics.csv and steps.csv."""
    for name, columns, rows in (
        ("metrics.csv", list(Epoch.__dataclass_fields__), [asdict(row) for row in state.history]),
        ("steps.csv", ["epoch", "loss", "accuracy"], state.steps),
    ):
        with files.file(run.path / name) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({key: round(x, 6) if isinstance(x, float) else x for key, x in row.items()})


def _trace(marks: list[tuple[int, Tensor]], epoch: int, batch: int) -> list[dict[str, float]]:
    """Mean loss and accuracy between each two marks of an epoch."""
    rows, before, so_far = [], 0, torch.zeros(2)
    for step, sums in marks:
        loss, accuracy = ((sums.cpu() - so_far) / ((step - before) * batch)).tolist()
        rows.append({"epoch": epoch + step / marks[-1][0], "loss": loss, "accuracy": accuracy})
        before, so_far = step, sums.cpu()
    return rows


def _check_finite(loss: float, recipe: Recipe, state: State, run: Run) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss became {loss} in epoch {state.epoch + 1}: lower --lr (it is {recipe.lr:g}) or add --warmup; "
            f"the last state that was good is kept in {run.checkpoint_file}"
        )


def _best(history: list[Epoch]) -> int:
    """The index of the epoch with the lowest validation loss."""
    return min(range(len(history)), key=lambda k: (history[k].val_loss or 0.0, k))
