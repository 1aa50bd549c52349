"""Where the signs of a text stand, given the ink: each in a column of it, in their order."""

from tenfold.read import limits
from tenfold.read.finding.strokes import Piece

OTHER = "?"  # the class of letters, and of signs that numbers are not written with
SMALL = frozenset(".,:-")  # signs without high ink
_LOW = frozenset(("+", OTHER))  # may have no high ink, which is as dear
_WITHOUT, _NO_SIGN = 0.25, 1.0  # as a quarter of a digit's height away, and high ink that is no sign's as all of it
_IN_COLUMN, _WIDTH = 4, 0.75  # signs at most that touch, and of a digit's height its width


def aligned(middles: list[float], text: str, columns: list[tuple[int, int]], height: float) -> list[float]:
    """The middles of signs, moved into the columns of high ink: CTC knows the order of signs, not quite their places.

    A column has a sign or several, as its width has it; a plus or something else may be too low for one, and something
    else may have several. The cheapest way to share them out is found by dynamic programming; points go with their
    neighbours. Nothing is moved where there are more columns than signs.
    """
    high = [k for k, sign in enumerate(text) if sign not in SMALL]
    if not columns or (len(columns) > len(high) and OTHER not in text):
        return middles
    best: dict[int, tuple[float, dict[int, float]]] = {0: (0.0, {})}  # by how many signs are done: cost and places
    for left, right in [*columns, (0, 0)]:
        limits.check()
        for done in range(len(high)):  # those without high ink
            if done in best and text[high[done]] in _LOW:
                _cheaper(best, done + 1, best[done][0] + _WITHOUT, best[done][1])
        if not right:
            break
        following: dict[int, tuple[float, dict[int, float]]] = {}
        for done, (cost, before) in best.items():
            if OTHER in text:
                _cheaper(following, done, cost + _NO_SIGN, before)
            for count in range(1, min(_IN_COLUMN, len(high) - done) + 1):
                some = high[done : done + count]
                new = {k: left + (n + 0.5) / count * (right - left) for n, k in enumerate(some)}
                away = sum(abs(middles[k] - place) for k, place in new.items()) / height
                dear = away + 2 * abs(count - max(1.0, (right - left) / (_WIDTH * height)))
                _cheaper(following, done + count, cost + dear, before | new)
        best = following
    places = best[len(high)][1] if len(high) in best else {}
    moved = [places.get(k, middle) for k, middle in enumerate(middles)]
    for k in range(len(text)):
        if k not in places and places:
            beside = [moved[n] - middles[n] for n in places if abs(n - k) == min(abs(m - k) for m in places)]
            moved[k] += sum(beside) / len(beside)
    return moved


def _cheaper(best: dict[int, tuple[float, dict[int, float]]], done: int, cost: float, places: dict[int, float]) -> None:
    """Keep the cheaper way to have so many signs done."""
    if done not in best or cost < best[done][0]:
        best[done] = cost, places


def columns(pieces: list[Piece], gap: float = 0) -> list[tuple[int, int]]:
    """Where pieces that stand one above another, or less than `gap` pixels apart, begin and end, from left to right."""
    columns: list[tuple[int, int]] = []
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if columns and piece.left < columns[-1][1] + gap:
            columns[-1] = columns[-1][0], max(columns[-1][1], piece.right)
        else:
            columns.append((piece.left, piece.right))
    return columns
