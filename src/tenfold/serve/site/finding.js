/**
 * From ink to digits, as tenfold's read/finding/strokes.py, segments.py, page.py and clean.py do it, with less: no picture is
 * turned, freed of ruled lines and page edges, or looked at again as light ink instead of dark.
 */

import { CUT, slices } from "./cutting.js";
import { SMALL, clean, closed, drawn, filled, rounded } from "./ink.js";

const MOST = 300; // pieces: more are no writing but texture, of which the largest are taken
const SPECK = 0.14; // of a digit's height: smaller pieces are specks
const ALL = 0.9; // of a clean picture's ink is in its digits: the rest is specks
const APART = 2; // pixels between neighbours in a small one
const GOOD = 0.8; // the probability of each of them at which nothing else is tried
const LONE = 0.55; // that of a lone one, from which it must be outdone
const SIZES = 0.6; // the height of the lowest of them over that of the tallest
const JOIN = 0.012; // of the longer side: gaps up to twice this are closed where that makes more sense
const TOGETHER = 4; // pieces at most in a digit, each whole or in slices
const PLAIN = 0.98; // the probability from which a wide piece is a digit and not several
const NONE = 0.9; // the probability of being none from which a piece is no digit whatever the others are
const LEFT_OUT = 1.2; // the cost of taking a full-size piece for something else than a digit
const LETTERS = 0.3; // the share of letters at which a word is one

/**
 * A connected piece of ink, or several as one: its box in pixels, and which of those are its own.
 * @typedef {{top: number, left: number, bottom: number, right: number, width: number, height: number, mass: number,
 *   mask: Uint8Array}} Piece
 */
/**
 * What was taken for one digit, or left out: `best` is the likeliest class's number, `none` the probability of being no
 * digit, `input` what the network sees, `cut` whether it was cut off a neighbour.
 * @typedef {{piece: Piece, probabilities: number[], best: number, none: number, input: Uint8Array, digit: boolean,
 *   cut?: boolean}} Segment
 */

/**
 * The digits of a picture: rows of words of segments, what is none, and the sheet they are on. A clean picture of plain
 * digits takes one look; any other is looked at in the general way.
 * @param {import("./ink.js").Picture} picture
 * @param {(inks: import("./ink.js").Plane[]) => Promise<object[]>} classify the rest of a segment, for each ink
 * @param {boolean} single whether all ink is one digit
 */
export async function find(picture, classify, single) {
  let sheet = clean(picture);
  let all = sheet && (await seen(sheet, classify, single));
  const certain = all ? certainty(sheet, all) : 0;
  if (certain < GOOD) {
    const other = drawn(picture);
    const found = await general(other, classify, single);
    const lone = certain > LONE && all.flat().length === 1;
    if (!lone || quality(found.flat()) > quality(all.flat())) [sheet, all] = [other, found];
  }
  const digits = all.map((row) => row.filter((segment) => segment.digit)).filter((row) => row.length);
  return { rows: digits.map(words), leftOut: all.flat().filter((segment) => !segment.digit), sheet };
}

/** The same with small gaps closed, if that makes more sense. @returns {Promise<Segment[][]>} */
async function general(sheet, classify, single) {
  const found = await seen(sheet, classify, single);
  if (single || quality(found.flat()) >= GOOD) return found;
  const join = Math.max(2, rounded(JOIN * Math.max(sheet.flat.width, sheet.flat.height)));
  const joined = await seen(sheet, classify, single, join);
  const cut = joined.flat().some((segment) => segment.cut); // what must be cut again was not one digit in pieces
  return !cut && quality(joined.flat()) > quality(found.flat()) ? joined : found;
}

/** The rows of segments on a sheet. @returns {Promise<Segment[][]>} */
async function seen(sheet, classify, single, join = 0) {
  const known = async (pieces) => {
    const found = await classify(pieces.map((piece) => cutOut(piece, sheet.ink)));
    return found.map((segment, k) => ({ ...segment, piece: pieces[k], digit: true }));
  };
  const found = withoutSpecks(pieces(sheet, join));
  if (!found.length) return [];
  return single ? [[await alone(found, known)]] : writing(await segments(rows(found), sheet.ink, known));
}

/**
 * The least probability of the digits on a clean sheet; 0 unless they are whole, of one height, and all there is. In a
 * small picture strokes beside each other may touch or not, which the general way sees better, enlarged.
 */
function certainty({ flat, low }, rows) {
  const found = rows.flat();
  const small = Math.min(flat.width, flat.height) < SMALL;
  const close = rows.some((row) => row.some((s, k) => k && s.piece.left - row[k - 1].piece.right < APART));
  if (small && close) return 0;
  const heights = found.map((segment) => segment.piece.height);
  const ink = flat.data.reduce((count, value) => count + (value > low), 0);
  const whole = found.every((segment) => segment.digit && !segment.cut);
  if (!found.length || !whole || mass(found.map((segment) => segment.piece)) < ALL * ink) return 0;
  return Math.min(...heights) < SIZES * Math.max(...heights) ? 0 : Math.min(...found.map(probability));
}

/** How much of the ink is taken for digits, each counted by its probability: 0 to 1. */
function quality(found) {
  const good = found.reduce((total, s) => total + (s.digit ? s.piece.mass * probability(s) : 0), 0);
  return found.length ? good / mass(found.map((segment) => segment.piece)) : 0;
}

/** @returns {Piece} */
function piece(top, left, bottom, right, mask, mass) {
  return { top, left, bottom, right, width: right - left, height: bottom - top, mask, mass };
}

/**
 * The connected pieces of ink, joined over corners too; only those that are surely ink somewhere. Gaps of up to twice
 * `join` pixels are closed.
 */
function pieces({ flat: { data, width, height }, low, high }, join) {
  if (!high) return [];
  let left = Uint8Array.from(data, (value) => value > low); // of the ink that is in no piece yet
  if (join) left = closed(left, width, height, join);
  const found = [];
  for (let start = 0; start < data.length; start++) {
    if (!left[start]) continue;
    const places = [start];
    left[start] = 0;
    let sure = false;
    for (const place of places) {
      const [x, y] = [place % width, Math.floor(place / width)];
      sure ||= data[place] > high;
      for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++)
        for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) {
          const next = j * width + i;
          if (!left[next]) continue;
          left[next] = 0;
          places.push(next);
        }
    }
    if (sure && places.length >= 4) found.push(pieceOf(places.map((k) => [k % width, Math.floor(k / width)])));
  }
  return found.length > MOST ? found.sort((a, b) => b.mass - a.mass).slice(0, MOST) : found;
}

/** A piece of its pixels' places, [x, y] each. */
function pieceOf(places) {
  let [top, left, bottom, right] = [Infinity, Infinity, 0, 0];
  for (const [x, y] of places) {
    [top, left] = [Math.min(top, y), Math.min(left, x)];
    [bottom, right] = [Math.max(bottom, y + 1), Math.max(right, x + 1)];
  }
  const mask = new Uint8Array((bottom - top) * (right - left));
  for (const [x, y] of places) mask[(y - top) * (right - left) + x - left] = 1;
  return piece(top, left, bottom, right, mask, places.length);
}

/** Several pieces as one. @param {Piece[]} parts @returns {Piece} */
function union(parts) {
  if (parts.length === 1) return parts[0];
  const [top, left] = [Math.min(...parts.map((p) => p.top)), Math.min(...parts.map((p) => p.left))];
  const [bottom, right] = [Math.max(...parts.map((p) => p.bottom)), Math.max(...parts.map((p) => p.right))];
  const mask = new Uint8Array((bottom - top) * (right - left));
  for (const p of parts)
    p.mask.forEach((own, k) => {
      if (own) mask[(p.top - top + Math.floor(k / p.width)) * (right - left) + p.left - left + (k % p.width)] = 1;
    });
  return piece(top, left, bottom, right, mask, mask.reduce((count, own) => count + own, 0));
}

/** A piece's ink with its soft edge, and without what else is in its box: 2 pixels larger on every side. */
function cutOut(p, ink) {
  const [width, height] = [p.width + 4, p.height + 4];
  let around = new Uint8Array(width * height);
  p.mask.forEach((own, k) => (around[(Math.floor(k / p.width) + 2) * width + (k % p.width) + 2] = own));
  for (let times = p.height < 60 ? 1 : 2; times > 0; times--) {
    const before = around; // empty at its edges, so that a step to the side stays in the row
    around = before.map((own, k) => own | before[k - 1] | before[k + 1] | before[k - width] | before[k + width]);
  }
  return filled(width, height, (k) => {
    const [x, y] = [p.left - 2 + (k % width), p.top - 2 + Math.floor(k / width)];
    return around[k] && x >= 0 && y >= 0 && x < ink.width && y < ink.height ? ink.data[y * ink.width + x] : 0;
  });
}

/** A cut-out without the 2 pixels on every side. */
function inner({ data, width, height }) {
  const [w, h] = [width - 4, height - 4];
  return filled(w, h, (k) => data[(Math.floor(k / w) + 2) * width + (k % w) + 2]);
}

/** The height of most digits in pixels: the median over pieces, each counted by its ink. */
function digitHeight(found) {
  let below = 0;
  const half = mass(found) / 2;
  return [...found].sort((a, b) => a.height - b.height).find((p) => (below += p.mass) >= half)?.height ?? 0;
}

function withoutSpecks(found) {
  const height = digitHeight(found);
  const kept = found.filter((p) => Math.max(p.height, p.width) >= Math.max(3, SPECK * height));
  return kept.length === found.length ? kept : withoutSpecks(kept);
}

/** The pieces in rows, from top to bottom. A row may climb or fall. */
function rows(found) {
  const height = digitHeight(found);
  const large = (p) => Math.max(p.height, p.width) >= 0.45 * height;
  // How much of the lower one's height a piece shares with the last two of a row.
  const shared = (row, p) =>
    Math.max(
      ...row.slice(-2).map((q) => {
        if (p.left - q.right > 12 * Math.max(p.height, q.height)) return 0;
        return (Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)) / Math.min(p.height, q.height);
      }),
    );
  const built = [];
  for (const p of found.filter(large).sort((a, b) => a.left - b.left)) {
    const best = lowest(built, (row) => -shared(row, p));
    if (best && shared(best, p) > 0.35) best.push(p);
    else built.push([p]);
  }
  const settled = built.flatMap((row) => row.map((p) => ({ p, row })));
  for (const p of found.filter((p) => !large(p))) {
    const nearest = lowest(settled, (one) => distance(one.p, p)); // if that is near at all
    if (distance(nearest.p, p) < 0.5 * height) nearest.row.push(p);
  }
  const middle = (row) => median(row.map((p) => (p.top + p.bottom) / 2));
  return built.sort((a, b) => middle(a) - middle(b));
}

/** Pixels between two boxes; 0 where they overlap. */
function distance(a, b) {
  const across = Math.max(0, Math.max(a.left, b.left) - Math.min(a.right, b.right));
  return Math.hypot(across, Math.max(0, Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom)));
}

/** A row's pieces from left to right, those joined that stand one above the other: they are not digits side by side. */
function nested(row) {
  const height = digitHeight(row);
  const joined = [];
  for (const p of [...row].sort(leftmost)) {
    const hit = joined.findIndex((q) => {
      const above = Math.min(q.right, p.right) - Math.max(q.left, p.left) > 0.6 * Math.min(q.width, p.width);
      return above && Math.max(q.bottom, p.bottom) - Math.min(q.top, p.top) < 1.5 * Math.max(height, q.height);
    });
    if (hit < 0) joined.push(p);
    else joined[hit] = union([joined[hit], p]);
  }
  return joined.sort(leftmost);
}

/**
 * The segments of each row: every reasonable way to join neighbouring pieces and to cut wide ones is classified, and
 * the cheapest way through the row is taken (Y. LeCun et al. 1998, section V).
 */
async function segments(found, ink, known) {
  const plans = found.map((row) => ({ height: digitHeight(row), parts: nested(row) }));
  const whole = await known(plans.flatMap((plan) => plan.parts));
  for (const plan of plans) {
    const row = whole.splice(0, plan.parts.length);
    plan.atoms = row.flatMap((segment, origin) => atoms(segment, origin, plan, ink));
    plan.groups = groups(plan.atoms, plan.height);
  }
  const fresh = plans.flatMap((plan) => plan.groups).filter((group) => !group.segment);
  (await known(fresh.map((group) => group.piece))).forEach((segment, k) => (fresh[k].segment = segment));
  return plans.map(cheapest);
}

/** A whole piece, or the slices of one that may be several: `cut` is the cost of having cut it off on its left. */
function atoms(segment, origin, { height, parts }, ink) {
  const p = segment.piece;
  const one = [{ piece: p, origin, cut: 0, segment }];
  const wide = p.width > 0.75 * Math.max(p.height, 0.7 * height) && p.height > 0.4 * height;
  if (!wide || probability(segment) >= PLAIN) return one;
  // Alone, with no neighbour that a slice might be joined to, it stays whole if that is cheaper than any cut.
  if (parts.length === 1 && p.height <= height && cost(segment, one, height) < CUT) return one;
  const { numbers, costs } = slices(inner(cutOut(p, ink)));
  if (!costs.length) return one;
  const places = [0, ...costs].map(() => []);
  p.mask.forEach((own, k) => own && places[numbers[k]].push([p.left + (k % p.width), p.top + Math.floor(k / p.width)]));
  const kept = [...places.keys()].filter((k) => places[k].length >= 4);
  return kept.map((k, n) => ({ piece: pieceOf(places[k]), origin, cut: n ? costs[k - 1] : 0 }));
}

/** Which runs of atoms may be a digit. */
function groups(row, height) {
  const found = row.map((atom, first) => ({ first, end: first + 1, piece: atom.piece, segment: atom.segment }));
  for (let first = 0; first < row.length; first++)
    for (let end = first + 2; end <= row.length; end++) {
      const some = row.slice(first, end);
      if (origins(some) > TOGETHER) break;
      const whole = union(some.map((atom) => atom.piece));
      // A flourish may make a single stroke wide, but pieces side by side that wide are not one digit.
      const widest = origins(some) === 1 ? 2.2 : 1.6;
      if (whole.width > widest * Math.max(whole.height, height) || whole.height > 1.6 * height) break;
      if (some.every((atom, k) => !k || near(some[k - 1], atom, height))) found.push({ first, end, piece: whole });
    }
  return found;
}

const origins = (some) => new Set(some.map((atom) => atom.origin)).size;

/** Whether neighbouring atoms are near enough to be of one digit. */
function near(one, other, height) {
  const tall = Math.min(one.piece.height, other.piece.height) > 0.65 * height;
  return one.origin === other.origin || other.piece.left - one.piece.right <= (tall ? 0.12 : 0.35) * height;
}

/** The cheapest way to take all atoms of a row as digits or leave them out. @returns {Segment[]} */
function cheapest({ atoms, groups, height }) {
  const best = [{ cost: 0, segments: [] }]; // for what is before each atom
  for (let end = 1; end <= atoms.length; end++) {
    const ways = groups
      .filter((group) => group.end === end)
      .sort((a, b) => a.first - b.first)
      .map(({ first, segment }) => {
        const some = atoms.slice(first, end);
        const cut = some[0].cut > 0 || atoms[end]?.cut > 0;
        const out = costLeftOut(segment, height);
        let taken = cost(segment, some, height);
        if (segment.none > NONE) taken = Math.max(taken, out + 1e-6);
        const digit = !(out < taken && origins(some) === 1);
        const all = [...best[first].segments, { ...segment, digit, cut }];
        return { cost: best[first].cost + (digit ? taken : out), segments: all };
      });
    best.push(lowest(ways, (way) => way.cost));
  }
  return best.at(-1).segments;
}

function cost(segment, some, height) {
  const p = segment.piece;
  const joined = origins(some) - 1;
  const tall = some.filter((atom) => atom.piece.height > 0.65 * height).length;
  const small = Math.max(0, 0.55 - Math.max(p.height, 0.7 * p.width) / height);
  const likely = Math.min(5, -Math.log(Math.max(probability(segment), 1e-6)));
  const shape = 5 * small + 2 * Math.max(0, p.width / p.height - 1);
  return likely + shape + some[0].cut + 0.15 * joined + (joined && tall > 1 ? 0.6 : 0);
}

/** A small piece is easily left out; a large one only if it is surely no digit, and a wide one may be several. */
function costLeftOut({ piece: p, none }, height) {
  const size = Math.min(1, Math.max(p.height, p.width) / height);
  const several = Math.min(3, Math.max(1, p.width / Math.max(0.75 * p.height, 1)));
  return LEFT_OUT * size * several + Math.min(1.5, -Math.log(Math.max(none, 1e-6))) + 0.1;
}

/** The rows without what only looks like digits: letters in a word, and tiny things beside the rest. */
function writing(found) {
  const ink = (some) => mass(some.map((segment) => segment.piece));
  const [total, usual] = [ink(found.flat()), median(found.map(ink))];
  const wider = (a, b) => b.left - a.right > 0.5 * Math.max(a.height, b.height);
  const checked = found.map((row) => parted(row, wider).flatMap(word));
  const kept = ink(checked.flat().filter((segment) => segment.digit));
  return checked.map((row) => {
    const digits = row.filter((segment) => segment.digit);
    const tiny = ink(row) < Math.min(0.04 * total, 0.3 * usual); // beside the page, and beside the other rows
    if (!tiny && kept >= 0.5 * total) return row;
    const plain = digits.every((segment) => probability(segment) > 0.9) && ink(digits) > 0.5 * ink(row);
    return plain && (tiny || digits.length !== 1) ? row : row.map((segment) => ({ ...segment, digit: false }));
  });
}

/** A word is of letters if a good part of it is no digit; of digits, what was cut off is one, read or not. */
function word(some) {
  const height = Math.max(...some.map((segment) => segment.piece.height));
  const large = some.filter((segment) => segment.piece.height > 0.5 * height);
  const letters = large.some((segment) => !segment.digit && !segment.cut);
  const doubtful = large.filter((segment) => !segment.digit || segment.cut).length;
  if (letters && doubtful >= LETTERS * large.length) return some.map((segment) => ({ ...segment, digit: false }));
  if (letters || large.filter((segment) => segment.digit).length <= large.length / 2) return some;
  return some.map((segment) => (large.includes(segment) ? { ...segment, digit: true } : segment));
}

/** A row's digits as the numbers they make: parted where a gap is wide, and wider than most between digits. */
function words(row) {
  const gaps = row.slice(1).map((segment, k) => Math.max(0, segment.piece.left - row[k].piece.right));
  const height = median(row.map((segment) => segment.piece.height));
  const usual = gaps.length > 2 ? median(gaps) : Math.min(...gaps);
  return parted(row, (a, b) => b.left - a.right > 1.25 * height && b.left - a.right > 2.2 * usual + 0.2 * height);
}

/** A row in parts, between those neighbours for which `between` holds. */
function parted(row, between) {
  const parts = [[row[0]]];
  row.slice(1).forEach((segment, k) => {
    if (between(row[k].piece, segment.piece)) parts.push([segment]);
    else parts.at(-1).push(segment);
  });
  return parts;
}

/** All ink as one digit: the largest piece with what is near it, or with all that is large enough. */
async function alone(found, known) {
  const main = lowest(found, (p) => -p.mass);
  const reached = new Set([main]);
  for (const p of reached)
    for (const q of found) if (distance(p, q) < 0.35 * Math.max(main.height, main.width)) reached.add(q);
  const close = found.filter((p) => reached.has(p));
  const seen = await known([union(close), main, union(found)]);
  // All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
  const extra = [0, 0.3 + 5 * (1 - main.mass / mass(close)), 0.7];
  const best = lowest(seen, (segment) => extra[seen.indexOf(segment)] - Math.log(probability(segment) + 1e-6));
  return { ...best, digit: best.none < probability(best) };
}

const probability = ({ probabilities, best }) => probabilities[best];
const mass = (found) => found.reduce((total, p) => total + p.mass, 0);
const leftmost = (a, b) => a.left + a.right - b.left - b.right;
const lowest = (values, of) => values.reduce((a, b) => (a === null || of(b) < of(a) ? b : a), null);
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
