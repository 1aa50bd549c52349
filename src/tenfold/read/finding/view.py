"""What one way of looking at a page gave: the rows that were cut out, how well they are read, and where they are."""

from dataclasses import dataclass, field

from tenfold.read.finding import grids, strips
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.signs import ReadRow, Sign
from tenfold.read.finding.strokes import Piece

LEGIBLE = {2: 0.85, 3: 0.69}  # the mean probability of the signs of a row of two digits, and of more
_SOME = 0.25  # of the ink at least are numbers in a page that is not looked at otherwise
_UPRIGHT = 0.95  # the probability of every digit that is such at first sight


@dataclass(frozen=True)
class Cut:
    """A sheet's rows, cut out, and what is drawn round them."""

    bare: Sheet  # as it was given
    sheet: Sheet
    written: Sheet  # without the frames
    rows: list[strips.Strip]
    frames: list[Piece]
    grid: grids.Grid | None = None


@dataclass(frozen=True)
class View:
    """What one way of looking at a page gave."""

    sheet: Sheet | None = None
    turns: int = 0  # quarter turns to the left that were made before reading
    all_rows: list[ReadRow] = field(default_factory=list)
    frames: list[Piece] = field(default_factory=list)  # what is drawn round numbers
    grid: grids.Grid | None = None  # of lines as dark as ink, which were taken out too
    corner: tuple[int, int] = (0, 0)  # left and top in the full picture of the part that was looked at

    @property
    def rows(self) -> list[ReadRow]:
        """Those with a number in them."""
        return [row for row in self.all_rows if row.number]

    @property
    def signs(self) -> list[Sign]:
        """Those of all rows with a number."""
        return [sign for row in self.rows for sign in row.signs]

    @property
    def ignored(self) -> list[Piece]:
        """The ink that was taken for no sign."""
        return [*(piece for row in self.all_rows for piece in row.unread), *self.frames]

    @property
    def count(self) -> int:
        """The number of digits."""
        return sum(sign.digit for sign in self.signs)

    @property
    def quality(self) -> float:
        """How much of the ink is read in numbers, each counted by how probable its signs are: 0 to 1."""
        read = [(sum(s.piece.mass for s in row.signs if s.read), row.mean) for row in self.rows]
        total = sum(s.piece.mass for row in self.all_rows for s in row.signs) + sum(
            p.mass for row in self.all_rows for p in row.ignored
        )
        if not total:  # of paper from which no ink stands out
            return self.rows[0].mean if self.rows else 0.0
        return sum(mass * good for mass, good in read) / total

    @property
    def evidence(self) -> float:
        """The quality, and more for many digits: it takes less chance to make one of a blot than six."""
        return self.quality + 0.08 * min(6, self.count)

    @property
    def probability(self) -> float:
        """Of its least probable row; 0 where there is none."""
        return min((row.probability for row in self.rows), default=0.0)

    @property
    def legible(self) -> bool:
        """Whether there is a row of digits that are read well, or of many: then the page is not looked at otherwise."""
        return self.quality > _SOME and any(
            row.mean > LEGIBLE.get(min(3, sum(s.digit for s in row.signs)), 1.0) and all(s.read for s in row.signs)
            for row in self.rows
        )

    @property
    def plain(self) -> bool:
        """Whether all of its digits are such at first sight."""
        return all(sign.probability > _UPRIGHT for sign in self.signs if sign.digit)

    @property
    def bars(self) -> bool:
        """Whether there are no digits but ones, as any bar is one: too little to turn a page for."""
        return all(sign.value == "1" for sign in self.signs if sign.digit)

    def box(self, piece: Piece, scale: float) -> tuple[int, int, int, int]:
        """Where a piece is in the full picture, with `scale` of its pixels to one looked at: x, y, width, height."""
        assert self.sheet is not None
        height, width = self.sheet.flat.shape  # as turned
        top, left = min(piece.top, height - 1), min(piece.left, width - 1)  # a sign without ink may be seen beside it
        bottom, right = min(piece.bottom, height), min(piece.right, width)
        for _ in range(self.turns):  # a quarter back, to the right
            top, left, bottom, right = left, height - bottom, right, height - top
            height, width = width, height
        factor = scale / self.sheet.zoom
        x, y = round(left * factor), round(top * factor)
        size = max(1, round(right * factor) - x), max(1, round(bottom * factor) - y)
        return x + self.corner[0], y + self.corner[1], *size
