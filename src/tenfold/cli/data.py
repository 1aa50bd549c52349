"""`tenfold data show`, `verify` and `export`."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.help import Verb, Verbs
from tenfold.errors import DataError, UsageError, nearest
from tenfold.progress import say, track

app: typer.Typer = typer.Typer(
    cls=Verbs, no_args_is_help=True, help="Look at the data, check it, export it for other tools."
)

_SHOW = """
Examples:
  tenfold data show
  tenfold data show --data my-digits/ --part train -o mine.png
"""
_VERIFY = """
Examples:
  tenfold data verify
"""
_EXPORT = """
Examples:
  tenfold data export mnist-png --format png
  tenfold data export out --format npz
"""

_DATA = typer.Option(
    help="Other digits than MNIST: a folder of class folders, a file, or a known set such as fashion-mnist."
)


@app.command(cls=Verb, epilog=_SHOW)
def show(
    data: Annotated[Path | None, _DATA] = None,
    part: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture of every class.")] = Path("digits.png"),
) -> None:
    """Count the classes, describe the pixels, and draw examples of every class."""
    from tenfold.cli.printing import table
    from tenfold.learn.figures import save
    from tenfold.learn.scoring.figures import classes
    from tenfold.mnist import sources
    from tenfold.mnist.digits import split_last

    source = sources.load(data, track=track)
    parts = source.parts
    if data is None:
        train, validation = split_last(parts["train"], None)  # as training cuts it
        parts = {"train": train, "validation": validation, "test": parts["test"]}
    for note in source.notes:
        say(f"{source.name}: {note}")
    if source.unlabelled is not None:
        say(f"{source.name}: {len(source.unlabelled):,} digits without labels; tenfold predict answers them")
    if not parts:
        return
    if part not in parts:
        raise UsageError(nearest("part", part, parts))
    counts = [
        (name, *(f"{int((digits.labels == k).sum()):,}" for digits in parts.values()))
        for k, name in enumerate(source.classes)
    ]
    table(("class", *parts), [*counts, ("all", *(f"{len(digits):,}" for digits in parts.values()))])
    say()
    statistics = []
    for name, digits in parts.items():
        pixels = digits.images
        shape, values = "{:,} x {} x {}".format(*pixels.shape), f"{pixels.min()} to {pixels.max()}"
        moments = f"{pixels.mean() / 255:.4f}", f"{pixels.std() / 255:.4f}"
        statistics.append((name, shape, values, *moments, f"{(pixels > 0).mean():.1%}"))
    table(("part", "shape", "values", "mean / 255", "std / 255", "pixels above 0"), statistics, left=2)
    path = save(classes(parts[part], source.classes), out)
    say(f"\nevery class of {part} is drawn in {path}")


@app.command(cls=Verb, epilog=_VERIFY)
def verify(
    folder: Annotated[
        Path | None, typer.Option(help="A folder with the four .gz files. \\[default: the package's own]")
    ] = None,
) -> None:
    """Check the four MNIST files byte for byte against their published SHA-256."""
    from tenfold.cli.printing import table
    from tenfold.mnist import embedded

    checks = embedded.verify(folder or embedded.FOLDER)
    states = {True: "good", False: "DIFFERS"}
    rows = [
        (c.name, c.sha256 if c.size else "", states[c.good] if c.size else "MISSING", f"{c.size:,}") for c in checks
    ]
    table(("file", "SHA-256", "", "bytes"), rows, left=3)
    if bad := [c.name for c in checks if not c.good]:
        raise DataError(f"not the published MNIST: {', '.join(bad)}")


@app.command(cls=Verb, epilog=_EXPORT)
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")],
    form: Annotated[str, typer.Option("--format", help="idx, png or npz.")] = "idx",
    data: Annotated[Path | None, _DATA] = None,
) -> None:
    """Write the digits in a format that other tools read."""
    from tenfold.mnist import exports, sources

    source = sources.load(data, track=track)
    exports.export(source, folder, form, track=track)
    for note in source.notes:
        say(f"{source.name}: {note}")
    if form == "idx" and source.classes != tuple(map(str, range(len(source.classes)))):
        say(f"IDX files hold numbers only: {', '.join(f'{k} is {name}' for k, name in enumerate(source.classes))}")
    say(f"{sum(map(len, source.parts.values())):,} digits as {form} in {folder}")
