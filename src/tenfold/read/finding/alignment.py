"""Where the signs of a text stand, given the ink, and which of it is theirs: each in a column of it, in their order."""

import numpy as np

from tenfold.read import filters, limits
from tenfold.read.finding.strips import Strip, columns
from tenfold.read.finding.strokes import Piece, union
from tenfold.read.lines import Text

OTHER = "?"  # the class of letters, and of signs that numbers are not written with
SMALL = frozenset(".,:-")  # signs without high ink
WIDE = frozenset("023456789")  # digits that are no bar, as slashes and brackets are
_LOW = frozenset(("+", OTHER))  # may have no high ink, which is as dear
_WITHOUT, _NO_SIGN = 0.25, 1.0  # as a quarter of a digit's height away, and high ink that is no sign's as all of it
_IN_COLUMN, _WIDTH = 4, 0.75  # signs at most that touch, and of a digit's height its width
_LARGE, _TALL = 0.55, 1.5  # of a digit's height: ink that is as high as that may be a digit that was passed over
_HIGHEST = dict.fromkeys(SMALL, _LARGE) | {",": 0.75}  # of a digit's height is the ink of a point
_POINT = (0.15, 0.5)  # of a digit's height is a point high and wide,
_FOOT = 0.65  # and of a row's height it stands low
_APART = 0.05  # of a digit's height are between two pieces of its size that are no parts of one
_RULED = 2.0  # times their height is each of the signs that share ink wide, where that has no line in it
_REACH = 0.6  # of a digit's height: how far from the middle of a sign its ink may be
_BEYOND, _WHOLE = 0.08, 1.6  # of a digit's height a stroke stands out from a row above and below, if that is whole


class Alignment:
    """Which ink of a row is which sign of its text, which is none, and what the digits' network is to look at."""

    def __init__(self, strip: Strip, text: Text) -> None:
        self.text: Text = text
        self.strip: Strip = strip
        self.row: Strip = strip  # with the ink of points that were passed over too
        self.points: list[tuple[str, float, Piece]] = []  # signs that were passed over, and how probable they are
        self.times: float = 1.0  # how many times as probable the text is with them
        self.ruled: bool = False  # whether signs share ink that is far longer than they are, as on a line
        self.middles: list[float] = [strip.left + (begin + end) / 2 for begin, end in text.places]
        places = self.middles
        owned, rest = self._match()
        self.own: list[bool] = [bool(pieces) for pieces in owned]  # whether each sign has ink that is no other's
        self.inks: list[Piece] = [union(pieces) if pieces else self._cell(k) for k, pieces in enumerate(owned)]
        missed = [piece for piece in rest if may_be_digit(piece, strip.height) and not self._in_word(piece)]
        self.passed_over: list[Piece] = missed  # of what is ignored, what may be digits
        self.ignored: list[Piece] = rest
        large = [piece for piece in strip.pieces if max(piece.height, piece.width) > 0.3 * strip.height]
        alone = len(large) == 1 and self.own != [True] and _over(large[0], places, _REACH * strip.height)
        self.alone: list[Piece] = [union(strip.pieces)] if alone else []  # all of it, where it may be one digit
        self.pieces: list[Piece] = [*self.inks, *self.alone, *self.passed_over]  # for the digits' network

    def _match(self) -> tuple[list[list[Piece]], list[Piece]]:
        """The pieces of each sign, none where it shares its ink with another one; and those that are no sign's."""
        text, height = self.text.text, self.strip.height
        across = columns([piece for piece in self.strip.pieces if piece.height > _LARGE * height])
        if "," in text and len(across) > sum(sign not in SMALL for sign in text):
            across = columns([piece for piece in self.strip.pieces if piece.height > _HIGHEST[","] * height])
        self.middles = aligned(self.middles, text, across, height)
        middles = np.array(self.middles)
        highest = np.array([_HIGHEST.get(sign, np.inf) for sign in text]) * height
        points = np.array([sign in ".," for sign in text], bool)
        owned: list[list[Piece]] = [[] for _ in middles]
        shared: set[int] = set()
        rest: list[Piece] = []
        for piece in sorted(self.strip.pieces, key=lambda piece: piece.width):
            limits.check()
            fits = piece.height <= highest
            over = np.flatnonzero((middles >= piece.left - 1) & (middles <= piece.right + 1) & fits)
            if len(over) > 1:
                # What goes along signs that all have their own ink is a frame or a ruling.
                if all(owned[k] for k in over):
                    rest.append(piece)
                else:
                    shared |= set(over.tolist())
                    self.ruled |= piece.width > _RULED * len(over) * max(height, piece.height)
                continue
            away = np.where(fits, np.abs(middles - (piece.left + piece.right) / 2), np.inf)
            if piece.middle > self.strip.top + len(self.strip.grey) / 2:  # low ink is a point's, if there is one
                away -= np.where(points & (away < _REACH * height), _REACH * height, 0)
            if len(over) or (len(away) and away.min() < _REACH * height):
                owned[int(over[0]) if len(over) else int(away.argmin())].append(piece)
            else:
                rest.append(piece)
        for k, pieces in enumerate(owned):  # a sign is one piece of a digit's size: the one in whose middle it is
            across = columns([piece for piece in pieces if piece.height > _LARGE * height], _APART * height)
            if len(across) > 1:
                left, right = min(across, key=lambda column: abs(column[0] + column[1] - 2 * middles[k]))
                beside = [piece for piece in pieces if piece.right <= left or piece.left >= right]
                owned[k] = [piece for piece in pieces if piece not in beside]
                rest += beside
        return [[] if k in shared else pieces for k, pieces in enumerate(owned)], rest

    def _in_word(self, piece: Piece) -> bool:
        """Whether the sign next to ink is something else, which may be several letters."""
        away = [abs(middle - piece.left - piece.width / 2) for middle in self.middles]
        return bool(away) and self.text.text[int(np.argmin(away))] == OTHER

    def _cell(self, k: int) -> Piece:
        """The ink of a sign that shares it: what lies between the middles to its neighbours."""
        middles, reach = self.middles, 0.9 * self.strip.height
        left = max(middles[k] - reach, (middles[k - 1] + middles[k]) / 2 if k else 0)
        right = min(middles[k] + reach, (middles[k] + middles[k + 1]) / 2 if k + 1 < len(middles) else np.inf)
        columns = slice(max(0, round(left)), max(1, round(right)))
        parts = [part for piece in self.strip.pieces if (part := piece.columns(columns.start, columns.stop))]
        if parts:
            return union(parts)
        top = round((len(self.strip.grey) - self.strip.height) / 2) + self.strip.top
        size = max(1, round(self.strip.height)), max(1, columns.stop - columns.start)
        return Piece(max(0, top), columns.start, np.zeros(size, bool))

    @property
    def free(self) -> list[tuple[int, str, list[Piece]]]:
        """Ink that may be a point, a comma or a colon between two digits and is no sign: before which, as what, which.

        It stands free: there is no other ink above or below it.
        """
        found, text, height = [], self.text.text, self.strip.height
        for left, right in columns(self.strip.pieces):
            some = [piece for piece in self.strip.pieces if left <= piece.left < right]
            size = [max(piece.height, piece.width) / height for piece in some]
            k = sum(middle < (left + right) / 2 for middle in self.middles)
            taken = any(left - 1 <= middle <= right + 1 for middle in self.middles)
            if taken or not 0 < k < len(text) or not text[k - 1 : k + 1].isdigit():
                continue
            if _POINT[0] < min(size) and max(size) < _POINT[1]:
                low = some[0].middle - self.strip.top > _FOOT * len(self.strip.grey)
                names = ":" if len(some) == 2 else ".," if len(some) == 1 and low else ""
                found += [(k, names, some)] if names else []
        return found

    @property
    def word(self) -> bool:
        """Whether all of the row is something else, of several letters, of which each alone may be like a digit."""
        letters = [piece for piece in self.ignored if piece.height > _LARGE * self.inks[0].height] if self.inks else []
        return self.text.text == OTHER and bool(letters)

    def like_dollar(self, k: int) -> bool:
        """Whether the first or last sign is a 5 that is higher above and lower below than all other digits are."""
        others = [ink for j, ink in enumerate(self.inks) if j != k and self.text.text[j] in WIDE and self.own[j]]
        if self.text.text[k] != "5" or 0 < k < len(self.inks) - 1 or not others:
            return False
        height, ink = filters.median([other.height for other in others]), self.inks[k]
        above, below = min(other.top for other in others), max(other.bottom for other in others)
        beyond = min(above - ink.top, ink.bottom - below) > _BEYOND * height
        return beyond and ink.height < _WHOLE * height


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


def may_be_digit(piece: Piece, height: float) -> bool:
    """Whether ink has about the size of a digit of a height in pixels."""
    return _LARGE * height < piece.height < _TALL * height and piece.width < _TALL * height


def _over(piece: Piece, middles: list[float], reach: float) -> bool:
    """Whether all signs were read where a piece is, give or take `reach` pixels, and none where no ink stands out."""
    return all(piece.left - reach < middle < piece.right + reach for middle in middles)
