"""One page to the rows on it: which ink, which way up."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from tenfold.read import decode
from tenfold.read.classifier import Classifier
from tenfold.read.decode import Colours, Pixels
from tenfold.read.finding import cells, frames, grids, paper, rulings, signs, strips, strokes
from tenfold.read.finding.alignment import may_be_digit
from tenfold.read.finding.forms import Networks
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.signs import ReadRow
from tenfold.read.finding.strokes import Piece, Texture
from tenfold.read.finding.view import Cut, View
from tenfold.read.lines import LineModel

GOOD = 0.8  # share of the ink that is read well: then nothing else is tried
SAFE = 0.9  # the probability of a row: then it is not tried whether the whole picture makes a likelier one
BETTER = 0.15  # by how much of that the page turned must win over the page as it stands
LIKELY = 0.75  # the quality of a page that is turned, or in the other ink
PLAIN = 0.98  # the probability of a digit that is one at first sight
OTHER_INK = 0.3  # by how much light ink must win where dark ink is likelier, or the other way round
JOIN = 0.012  # of the longer side: gaps up to twice this are closed where more is read then
CROWD = 300  # rows, or pieces of one digit: more of them are texture, or a page of text
_PLAINLY = 0.965  # that of a row that is read upside down
_POSSIBLE = 0.1  # the probability of a text that may be right
_AS_HIGH, _AS_WIDE = 0.5, 0.7  # of a picture: a row so high and wide is one and the same with the whole of it
_LARGE = 0.45  # of the height of a picture of one row are its digits, or the picture is no view of the row
_TINY = 18  # pixels: of smaller digits the network for lines has seen too few, and
_ONE_DIGIT = 20  # a picture that is no larger shows one
_LONG = 2.5  # times its height: a longer picture is of a row that is not upright on its side, a longer piece has a line


def find(
    pixels: Pixels,
    classifier: Classifier,
    opened: Callable[[], LineModel],
    *,
    single: bool = False,
    upright: bool = False,
    answer: bool = False,
    table: bool = False,
) -> View:
    """The numbers on a page, dark or light, and turned by quarters if they are only numbers then; never if `upright`.

    The likeliest way to look at the page comes first, and is taken if it makes numbers of most of the ink. What is one
    digit is looked at upright alone, and as the likelier ink: else nearly anything can be made a digit. A picture of 20
    pixels at most is of one. With `answer` it is a digit whatever it is. In a `table` any walls part numbers, else
    those of several rows of cells with numbers in them. Raises TooCostlyError where the thread's deadline is over.
    """
    by = Networks(classifier, opened, table=table)
    try:
        return _single_on(pixels, by, answer=answer) if single else _rows_on(pixels, by, upright=upright, answer=answer)
    except Texture:
        return View()


def _rows_on(pixels: Pixels, by: Networks, *, upright: bool, answer: bool) -> View:
    """The rows on a page."""
    if max(pixels.shape[:2]) <= _ONE_DIGIT:
        return _single_on(pixels, by, answer=answer)
    page = paper.clean(pixels)
    pieces = [] if page is None else strokes.pieces(page)
    if page is not None and frames.panels(pieces, page.flat.shape) is None:
        cut = _cut(page, by)
        view = _plain(page, pieces, by.classifier) or _read(cut, by)
        lined = any(piece.width > _LONG * piece.height for piece in pieces)
        if lined and (bare := _without_lines(cut, by)):
            view = _better(view, _read(bare, by))
        good = view.quality >= GOOD
        if (good and view.probability >= SAFE) or (view.grid and not view.all_rows):
            return view
        if min(page.flat.shape) >= paper.SMALL and page.inside:  # as a drawing is: no other way shows more of it
            return view if good or upright or view.legible else _turned(view, by)
    best, colours = View(), decode.colours(pixels)
    for number, sheet in enumerate(_sheets(colours)):
        try:
            view = _upright(sheet, colours, by)
        except Texture:
            break
        # What the picture looks like at first sight is mostly right about which is ink and which is paper.
        enough = view.quality > LIKELY and view.count > 1 and not view.bars
        if number == 0 or (enough and view.evidence > best.evidence + OTHER_INK) or (view.legible and not best.rows):
            best = view
        if (best.quality >= GOOD or best.legible) and not best.bars:
            break
        if view.grid and not view.all_rows:  # empty cells
            return view
    if best.sheet is not None and best.quality < GOOD and not (upright or best.legible):
        best = _turned(best, by)
    if not best.rows and strips.may_be_row(colours.shape[:2], least=1.0):
        rough = _textured(colours, by)
        return rough if rough.probability > _POSSIBLE else best
    return best


def _sheets(colours: Colours) -> Iterator[Sheet]:
    """A picture's ink, the likelier of dark and light ink first; what is left out of areas of ink before these.

    That on a sheet that lies on a table comes before all other.
    """
    inside = paper.lying(colours) if min(colours.shape[:2]) >= paper.SMALL else None
    if inside is not None:
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        for sheet in paper.sheets(colours[box]):
            if sheet.zoom == 1:
                flat = np.zeros(colours.shape[:2], np.float32)
                flat[box] = np.where(inside[box], sheet.flat, np.float32(0))
                yield paper.thresholds(flat, sheet.dark, sheet.zoom)
    for number, sheet in enumerate(paper.sheets(colours)):
        try:
            areas = None if number else frames.panels(strokes.pieces(sheet), sheet.flat.shape)
        except Texture:
            return
        if areas is not None:
            there = np.asarray(Image.fromarray(areas).resize(colours.shape[1::-1], Image.Resampling.NEAREST))
            if there.any():  # on paper of their own
                yield from paper.sheets(np.where(there[..., None], colours, np.median(colours[there], axis=0)))
        yield sheet


def _plain(sheet: Sheet, pieces: list[Piece], classifier: Classifier) -> View | None:
    """A sheet with a single piece of ink that is plainly a digit: nothing else is tried."""
    if len(pieces) != 1 or pieces[0].width > 1.2 * pieces[0].height:
        return None
    sign = signs.by_digits(classifier, signs.classify(pieces, sheet.ink, classifier)[0], pieces[0])
    return View(sheet, 0, [ReadRow([sign], [])]) if sign.read and sign.probability >= PLAIN else None


def _upright(sheet: Sheet, colours: Colours, by: Networks) -> View:
    """A sheet as it stands, without ruled lines, and as one row or with small gaps closed, whichever is read best."""
    cuts = [_cut(sheet, by, colours=colours)]
    may_be_row = strips.may_be_row(sheet.flat.shape)
    row = _row(sheet, cuts, colours, by) if may_be_row else None
    view = row or _read(cuts[0], by)
    if view.quality >= GOOD and view.probability >= SAFE and (row or not may_be_row):
        return view
    if bare := _without_lines(cuts[0], by, colours):
        cuts.append(bare)
        row = _row(sheet, cuts, colours, by) if may_be_row else None
        without = row or _read(cuts[1], by)
        view = _better(view, without)
    if row and row.rows:
        return row
    if may_be_row:
        return _or_whole(view, sheet, colours, by)
    if (
        view.quality < GOOD and not view.legible
    ):  # a digit in pieces may have been taken for several, or stand in two rows
        joined = _read(_cut(sheet, by, max(2, round(JOIN * max(sheet.flat.shape)))), by)
        view = max(view, joined, key=lambda either: either.quality)
    return view


def _better(view: View, without: View) -> View:
    """What is read on a page as it is, or without its lines."""
    apart = sum(sign.digit for row in view.rows if not row.ruled for sign in row.signs)
    surer = without.count >= apart and without.probability > view.probability
    return without if surer else max(view, without, key=lambda each: each.evidence)


def _row(sheet: Sheet, cuts: list[Cut], colours: Colours, by: Networks) -> View | None:
    """A picture of one row, which all views of it decide together; None where it may be of several, or of a part."""
    ones = [cut for cut in cuts if len(cut.rows) == 1]
    if not ones:
        return None
    cut, row = ones[-1], ones[-1].rows[0]
    left, right = min(piece.left for piece in row.pieces), max(piece.right for piece in row.pieces)
    if len(row.grey) < _AS_HIGH * len(sheet.flat) or right - left < _AS_WIDE * sheet.flat.shape[1]:
        return None
    views = [one.rows[0] for one in ones]
    if row.height > _LARGE * len(sheet.flat):
        views += strips.whole(sheet, colours, row)[1:]  # the picture: its ink is what the row is cut from
    return View(cut.sheet, 0, [by.read_views(views, sheet)], cut.frames, cut.grid)


def _or_whole(view: View, sheet: Sheet, colours: Colours, by: Networks) -> View:
    """What was read in a picture that may be one row, or its text as a whole where that is not safe."""
    ends = [end for sign in view.signs for end in (sign.piece.left, sign.piece.right)]
    wide = bool(ends) and max(ends) - min(ends) > _AS_WIDE * sheet.flat.shape[1]
    if view.probability >= SAFE and view.quality >= GOOD and wide:
        return view
    found = [row.strip for row in view.rows if row.strip]
    same = len(found) == 1 and len(found[0].grey) > _AS_HIGH * len(sheet.flat)
    views = strips.whole(sheet, colours) + found * same
    whole = View(sheet, 0, [by.read_views(views, sheet)], view.frames)
    if [sign.value for sign in whole.signs] == [sign.value for sign in view.signs]:
        return view
    more = whole.count > view.count and whole.probability > _POSSIBLE  # a part of a row may be surer than all of it
    return whole if more else max(view, whole, key=lambda either: either.probability)


def _textured(colours: Colours, by: Networks) -> View:
    """A picture of one row, on paper so rough that nothing stands out from it."""
    sheet = Sheet(1 - np.ascontiguousarray(colours.mean(axis=2), np.float32), 0.0, 0.0, 1.0, True, 1.0)
    return _read(Cut(sheet, sheet, sheet, strips.whole(sheet, colours)[1:], []), by)


def _turned(upright: View, by: Networks) -> View:
    """The sheet turned by quarters if more of it is read so than upright, and several digits side by side.

    Upside down many digits are others, and letters digits, as a euro sign is a 3: where there are digits upright that
    must be plain, and make two more of them if those are plain too.
    """
    best, sheet = upright, upright.sheet
    assert sheet is not None
    height, width = sheet.flat.shape
    for turns in (1, 3, 2) if width < _LONG * height else (2,):
        view = _read(_cut(replace(sheet, flat=np.ascontiguousarray(np.rot90(sheet.flat, turns))), by), by)
        most = max((sum(sign.digit for sign in row.signs) for row in view.rows), default=0)
        enough = most > 1 and view.count > upright.count and not view.bars
        if turns == 2 and upright.count:
            enough &= most > 2 and min(row.mean for row in view.rows) > _PLAINLY
            enough &= view.count > upright.count + upright.plain
        if enough and view.quality > max(upright.quality + BETTER, best.quality, LIKELY):
            best = replace(view, turns=turns)
    return best


def _cut(
    sheet: Sheet, by: Networks, join: int = 0, colours: Colours | None = None, grid: grids.Grid | None = None
) -> Cut:
    """A sheet's rows, with gaps of up to 2 * `join` pixels closed; none where there are too many.

    Walls are looked for in the `colours` that it was made from too. `grid` is what was taken out before.
    """
    bare, (sheet, pieces) = sheet, strokes.clean(sheet, join)
    walls = [found for piece in pieces if frames.cells(piece) and (found := grids.find(bare, piece))]
    if walls:  # of whose lines some may be too pale in places to be of one piece
        grid = grids.joined(walls)
        grid = max(grid, grids.find(bare) or grid, key=lambda each: len(each.level) + len(each.upright))
        sheet, pieces = strokes.clean(grid.without(bare), join)
    around = frames.around(pieces)
    inside = [piece for piece in pieces if piece not in around]
    rows = strokes.rows(inside) if inside else []
    if len(rows) > CROWD:
        return Cut(bare, sheet, sheet, [], around, grid)
    height = strokes.digit_height(inside)
    lines = cells.with_labels(rows, height)
    parting = grid or cells.find(rows, bare, colours, table=by.table)
    if parting and (by.table or (len(rows) > 1 and cells.hold_numbers(parting, inside))):
        grid, lines = parting, cells.lines(parting, inside)
    elif by_gaps := cells.columns(rows):
        lines = cells.lines(by_gaps, inside)
    written = frames.erased(sheet, around)
    cut = [strips.strip(written, row, line) for line, some in enumerate(lines) for row in some]
    cut = [strip for strip in cut if strip.grey.shape[1] <= strips.LONGEST * strip.grey.shape[0]]
    return Cut(bare, sheet, written, cut, around, grid)


def _without_lines(cut: Cut, by: Networks, colours: Colours | None = None) -> Cut | None:
    """The rows of the same sheet without lines to write on; None where there are none, or no long ink beside a grid."""
    inked = [(piece, strip.height) for strip in cut.rows for piece in (*strip.pieces, *cut.frames)] if cut.grid else []
    if cut.grid and not any(piece.width > _LONG * max(height, piece.height) for piece, height in inked):
        return None
    bare = rulings.without_lines(cut.sheet if cut.grid else cut.bare)
    return None if bare is None or bare.blank else _cut(bare, by, colours=colours, grid=cut.grid)


def _read(cut: Cut, by: Networks) -> View:
    """The rows of a sheet, read."""
    rows = by.read(cut)
    return View(cut.sheet, 0, rows, cut.frames if rows else [], cut.grid)


def _single_on(pixels: Pixels, by: Networks, *, answer: bool) -> View:
    """All that is on a page as one digit."""
    sheet = paper.clean(pixels) or next(paper.sheets(decode.colours(pixels)), None)
    return _single(sheet, by, answer=answer) if sheet else View()


def _single(sheet: Sheet, by: Networks, *, answer: bool = False) -> View:
    """All ink as one digit: the largest piece with what is near it, or with all that is large enough.

    With `answer` it is the digit that it is most like, whatever it is, unless it is a texture.
    """
    pieces = strokes.without_specks(strokes.pieces(sheet), sheet.flat.shape)
    if not pieces:
        return View(sheet)
    main = max(pieces, key=lambda p: p.mass)
    near = strokes.within(pieces, main, 0.35 * max(main.height, main.width))
    parts = [near, [main], pieces][: 1 if len(pieces) == 1 else 3]
    choices = [strokes.union(part) for part in parts]
    classifier = by.classifier
    scores = signs.classify(choices, sheet.ink, classifier)
    # All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
    extra = (0.0, 0.3 + 5 * (1 - main.mass / choices[0].mass), 0.7)[: len(choices)]
    k = int(np.argmin(-np.log(scores[:, :-1].max(axis=1) + 1e-6) + np.array(extra)))
    digit = dict(zip(classifier.classes, scores[k].tolist(), strict=False))
    answer &= len(pieces) <= CROWD
    sign = signs.of(digit, choices[k]) if answer else signs.by_digits(classifier, scores[k], choices[k])
    taken = {id(piece) for piece in parts[k]}
    ignored = [piece for piece in pieces if id(piece) not in taken]
    if answer or max(choices[k].height, choices[k].width) < _TINY * sheet.zoom:
        return View(sheet, 0, [ReadRow([sign], ignored)])
    (text,) = by.lines.read([strips.strip(sheet, strokes.Row([choices[k]], choices[k].height)).grey])
    if len(text.text) == 1:
        names = dict(zip(by.lines.classes, text.likely[0].tolist(), strict=True))
        sign = signs.fused(names, classifier, scores[k], choices[k], own=True, alone=True)
    elif len(text.text) > 1:  # it may be several
        sign = replace(sign, probability=sign.probability * (1 - text.probability))
    if any(may_be_digit(piece, choices[k].height) for piece in ignored):
        sign = replace(sign, probability=sign.probability * signs.PASSED_OVER)
    return View(sheet, 0, [ReadRow([sign], ignored)])
