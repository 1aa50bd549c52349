/** From ink to rows of writing, each cut out straight, as tenfold's read/finding/strokes.py and strips.py do it. */

import { HIGH, LOW, most, rounded, sum } from "./ink.js";

const MOST = 4000; // pieces: more are no writing
const POINT = 0.7; // of the pen's width: what is smaller is no point
const SPECK = 0.14; // of a digit's height: smaller pieces are specks
const HOLLOW = 0.3; // of its box is ink in what is drawn round others
const FILLED = 0.35; // of a ring's height has the digit that it is drawn round
const LARGE = 0.45; // of a digit's height: smaller pieces may stand anywhere beside a row
const MARGIN = 0.3; // of a digit's height, around a row
const LEVEL = 0.03; // a row that climbs less is level
const FULL = Math.fround(1.3); // of full ink is black

/**
 * A connected piece of ink, or several: its box, and the numbers of its pixels on a sheet `across` pixels wide.
 * @typedef {{top: number, left: number, bottom: number, right: number, height: number, width: number, side: number,
 *   mass: number, places: number[], across: number}} Piece `side` is the longer one of its box
 */
/** @typedef {{pieces: Piece[], height: number}} Row `height` is that of a digit */
/** @typedef {import("./ink.js").Plane} Plane */

/** @returns {Piece} */
export function pieceOf(places, across) {
  let [top, left, bottom, right] = [Infinity, Infinity, 0, 0];
  for (const place of places) {
    const [x, y] = [place % across, Math.floor(place / across)];
    [top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), Math.max(bottom, y + 1), Math.max(right, x + 1)];
  }
  const [height, width] = [bottom - top, right - left];
  const side = Math.max(height, width);
  return { top, left, bottom, right, height, width, side, mass: places.length, places, across };
}

/** Several pieces as one. @param {Piece[]} parts */
export const union = (parts) => pieceOf(parts.flatMap(({ places }) => places), parts[0].across);

/** The pixel a step from another one on a sheet; -1 beyond its ends. */
const stepped = (place, step, width) => (Math.abs(((place + step) % width) - (place % width)) < 2 ? place + step : -1);

/** The connected pieces of ink, joined over corners too; only those that are surely ink somewhere. */
export function pieces({ data, width }) {
  const left = data.map((value) => value > LOW); // 1 for the ink that is in no piece yet
  const steps = [-width - 1, -width, 1 - width, -1, 1, width - 1, width, width + 1];
  const found = [];
  for (let start = left.indexOf(1); start >= 0; start = left.indexOf(1, start)) {
    const places = [start];
    left[start] = 0;
    for (const place of places)
      for (const next of steps.map((step) => stepped(place, step, width)).filter((next) => left[next])) {
        left[next] = 0;
        places.push(next);
      }
    if (places.length >= 4 && places.some((place) => data[place] > HIGH)) found.push(pieceOf(places, width));
  }
  const least = found.map(({ mass }) => mass).sort((a, b) => b - a)[MOST - 1] ?? 0; // the largest; the rest is texture
  return found.filter(({ mass }) => mass >= least);
}

/** The pieces that may be signs or parts of them, and the sheet without those that are smaller than the pen. */
export function clean(flat) {
  const { data, width } = flat;
  const every = pieces(flat);
  const large = withoutSpecks(every, flat);
  const outside = (place) => sum([-width, -1, 1, width], (step) => !(data[stepped(place, step, width)] > LOW));
  const pen = (2 * ink(large)) / sum(large, ({ places }) => sum(places, outside)); // its width, as of a bar
  const [whole, digit, bare] = [new Set(large), digitHeight(large), data.slice()];
  const found = every.filter((p) => {
    if (whole.has(p) || p.side > digit) return whole.has(p);
    if (p.side >= Math.max(POINT * pen, 2)) return true;
    const [left, right] = [Math.max(0, p.left - 1), Math.min(width, p.right + 1)];
    for (let y = Math.max(0, p.top - 1); y <= p.bottom; y++) bare.fill(0, y * width + left, y * width + right);
    return false;
  });
  return { flat: { ...flat, data: bare }, found };
}

/** The height of most digits in pixels: the median over pieces, each counted by its ink. @param {Piece[]} found */
function digitHeight(found) {
  let below = 0;
  const sorted = [...found].sort((a, b) => a.height - b.height);
  return sorted.find(({ mass }) => (below += mass) >= ink(found) / 2)?.height ?? 0;
}

/** The pieces that may be digits or parts of them: no specks, and nothing that runs along the picture's edge.
 * @param {Piece[]} found @returns {Piece[]} */
export function withoutSpecks(found, flat) {
  const [bottom, right] = [flat.height, flat.width];
  const margin = Math.max(1, rounded(0.01 * Math.max(bottom, right)));
  const ends = (p) => [p.top <= margin, p.bottom >= bottom - margin, p.left <= margin, p.right >= right - margin];
  const digit = digitHeight(found.filter((p) => !sum(ends(p)))) || digitHeight(found);
  const isEdge = (p) => {
    const [above, below, before, after] = ends(p);
    if (p.side < 1.4 * digit) return false;
    const slim = Math.min(p.height, p.width) < 0.2 * p.side;
    if (slim && (p.width > p.height ? above || below : before || after)) return true;
    return sum(ends(p)) >= 3 || (sum(ends(p)) === 2 && p.mass < 0.2 * p.height * p.width);
  };
  const kept = found.filter((p) => p.side >= Math.max(3, SPECK * digit));
  const inside = kept.filter((p) => !isEdge(p));
  const left = ink(inside) > 0.1 * ink(kept) ? inside : kept; // what is nearly all the ink of a page is hardly its edge
  return left.length === found.length ? found : withoutSpecks(left, flat);
}

/** The pieces that are drawn round others: rings, frames, the walls of cells. @param {Piece[]} found */
export function frames(found) {
  const digit = digitHeight(found);
  const holds = (p, q) => p.top < q.top && q.bottom < p.bottom && p.left < q.left && q.right < p.right;
  const filled = (p, q) => (p.side > 1.2 * digit && q.side > 0.3 * digit) || q.height > FILLED * p.height;
  const hollow = found.filter((p) => p.mass < HOLLOW * p.height * p.width);
  return hollow.filter((p) => found.some((q) => holds(p, q) && filled(p, q)));
}

/** The pieces in rows, from top to bottom, each from left to right. A row may climb or fall.
 * @param {Piece[]} found @returns {Row[]} */
export function rows(found) {
  const height = digitHeight(found);
  /** How much of the lower one's height a piece shares with another one, or with the last two of a row. */
  const shared = (p, q) => (Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)) / Math.min(p.height, q.height);
  const near = (p, q) => p.left - q.right <= 12 * Math.max(p.height, q.height);
  const beside = (p, row) => Math.max(...row.slice(-2).map((q) => (near(p, q) ? shared(p, q) : 0)));
  const built = [];
  for (const p of found.filter(({ side }) => side >= LARGE * height).sort((a, b) => a.left - b.left)) {
    const best = most(built, (row) => beside(p, row));
    if (best && beside(p, best) > 0.35) best.push(p);
    else built.push([p]);
  }
  const settled = built.flatMap((row) => row.map((p) => ({ p, row })));
  for (const p of found.filter(({ side }) => side < LARGE * height)) {
    const nearest = most(settled, (one) => -distance(one.p, p)); // if that is near at all
    if (distance(nearest.p, p) < 0.5 * height) nearest.row.push(p);
  }
  const middle = (row) => median(row.map((p) => p.top + p.bottom));
  built.sort((a, b) => middle(a) - middle(b));
  return built.map((row) => ({ pieces: row.sort(leftmost), height: digitHeight(row) }));
}

/** Pixels between two boxes; 0 where they overlap. */
export function distance(a, b) {
  const across = Math.max(0, Math.max(a.left, b.left) - Math.min(a.right, b.right));
  return Math.hypot(across, Math.max(0, Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom)));
}

/** A row of a sheet, made level, with a little around it: grey values, dark ink on light paper.
 * @param {Plane} flat @param {Row} row @returns {Row & {grey: Plane, left: number, top: number}} */
export function strip(flat, row) {
  const some = row.pieces.filter(({ side }) => side >= LARGE * row.height);
  const large = some.length ? some : row.pieces;
  const margin = Math.trunc(MARGIN * row.height) + 1;
  const left = Math.min(...row.pieces.map((p) => p.left)) - margin;
  const width = Math.max(...row.pieces.map((p) => p.right)) + margin - left;
  const slope = climb(large.map((p) => [(p.left + p.right) / 2, (p.top + p.bottom) / 2]), 2 * row.height);
  const fall = (x) => slope * (x - left - width / 2);
  const fallen = large.map((p) => fall((p.left + p.right) / 2));
  const top = Math.trunc(Math.min(...large.map((p, k) => p.top - fallen[k]))) - margin;
  const height = Math.ceil(Math.max(...large.map((p, k) => p.bottom - fallen[k]))) + margin - top;
  const data = new Float32Array(width * height).fill(255);
  for (let x = Math.max(left, 0); x < Math.min(left + width, flat.width); x++)
    for (let y = 0; y < height; y++) {
      const value = flat.data[(top + y + rounded(fall(x))) * flat.width + x] ?? 0; // none above and below
      const black = Math.fround(255 * Math.min(1, Math.fround(value / FULL)));
      data[y * width + x - left] = Math.trunc(Math.fround(255 - black));
    }
  return { ...row, grey: { data, width, height }, left, top };
}

/** By how much points fall from left to right, by least squares; 0 if they are level, or too close to tell. */
function climb(points, least) {
  const xs = points.map(([x]) => x);
  const middle = sum(xs) / xs.length;
  const slope = sum(points, ([x, y]) => (x - middle) * y) / sum(xs, (x) => (x - middle) ** 2);
  return xs.length > 2 && Math.max(...xs) - Math.min(...xs) > least && Math.abs(slope) >= LEVEL ? slope : 0;
}

/** The order from left to right. */
export const leftmost = (a, b) => a.left + a.right - b.left - b.right;
const ink = (found) => sum(found, ({ mass }) => mass);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
