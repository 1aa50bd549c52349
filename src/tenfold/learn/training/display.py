"""What a person sees of a training: a bar on a terminal, a line for each epoch, nothing when quiet."""

import time

from rich.console import Console

from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.checkpoint import State
from tenfold.progress import Progress


class Display(Progress):
    """The progress of training a recipe, on standard output. Use it as a context manager; it draws only inside."""

    def __init__(self, recipe: Recipe, *, quiet: bool = False, console: Console | None = None) -> None:
        super().__init__(quiet=quiet, stderr=False, console=console)
        self._recipe = recipe
        self._since: tuple[float, int] | None = None  # when the first step here was seen, and which it was

    def step(self, state: State, steps: int) -> None:
        """The bar after a step, with the mean loss and accuracy of this epoch."""
        if not self.due:
            return
        recipe, now, done = self._recipe, time.perf_counter(), state.epoch * steps + state.step
        began, first = self._since = self._since or (now, done)
        note = ""
        if state.step and state.sums is not None:
            loss, accuracy = (state.sums / (state.step * recipe.batch_size)).tolist()
            rate = (done - first) * recipe.batch_size / max(1e-9, now - began)  # digits a second
            narrow = self.console.width < 70
            note = f"{accuracy:.1%}" if narrow else f"loss {loss:.3f}  acc {accuracy:.1%}  {rate:,.0f} img/s"
        epoch = min(state.epoch + 1, recipe.epochs)
        self.update("training", f"epoch {epoch}/{recipe.epochs}", done, recipe.epochs * steps, note)

    def epoch(self, state: State) -> None:
        """A line for an epoch that is done; on a narrow terminal without its rate and loss on the training digits."""
        row, epochs = state.history[-1], self._recipe.epochs
        number = f"epoch {row.epoch:>{len(str(epochs))}}/{epochs}"
        train = f"train loss {row.train_loss:.4f}  accuracy {row.train_accuracy:7.2%}"
        val = "" if row.val_loss is None else f"val loss {row.val_loss:.4f}  accuracy {row.val_accuracy:7.2%}"
        if self.live and self.console.width < 100:
            brief = val or train
            if self.console.width < 60:
                brief = brief.partition("  ")[2]
            self.line(f"{number}  {brief}  {row.seconds:.1f} s")
        else:
            parts = (number, train, val, f"lr {row.lr:.2g}", f"{row.seconds:.1f} s")
            self.line("  ".join(part for part in parts if part))
