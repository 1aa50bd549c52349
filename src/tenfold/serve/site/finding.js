/** From a clean picture to ink, to rows of writing, each cut out straight, as tenfold's read/finding does it. */

const [SAME, FAR] = [2.5, 51]; // of 255: colours no further apart are one, and the strongest ink is no nearer to paper
const [EDGES, FULLEST] = [0.9, 0.6]; // of the edges have the ground's colour, and of a picture no more is writing
export const LOW = Math.fround(0.3); // of the strongest: from here on it is ink
const SPECK = 4; // pixels: what is no larger is no sign
const HOLLOW = 0.3; // of its box is ink in what is drawn round others
const [PART, FILLED] = [0.3, 0.35]; // of a digit's height has what is in a frame, of a ring's a single digit
const [THIN, LONG] = [0.25, 5]; // of a digit's height is a line that is no dash
const [FLAT, ALONG] = [0.35, 0.25]; // of a digit's height is a dash or the bar of a 5; as far counts what is beside it
const [COMMA, LARGE] = [0.75, 0.45]; // of a digit's height: smaller pieces that are alone, and any, go to a row nearby
const BETWEEN = 1.2; // of a digit's height are at least between two commas of a number: three digits
const [AWAY, LOWEST] = [2.5, 0.6]; // of a digit's height: a wider gap parts rows, and a row of no digit may be lower
const [MARGIN, LEVEL] = [0.3, 0.03]; // of a digit's height is around a row, and a row that climbs less is level
const FULL = Math.fround(1.3); // of full ink is black

/** One value a pixel, row after row. @typedef {{data: Float32Array, width: number, height: number}} Plane */
/** A connected piece of ink, or several: its box, and the numbers of its pixels on a sheet `across` pixels wide.
 * @typedef {{top: number, left: number, bottom: number, right: number, height: number, width: number, side: number,
 *   mass: number, places: number[], across: number}} Piece `side` is the longer one of its box */
/** @typedef {{pieces: Piece[], height: number}} Row `height` is that of a digit */

/** How far each pixel is from the ground, the strongest ink as 1, and less than LOW in a picture of one colour; null
 * where the picture is not clean. The ground is what most pixels of the four edges have; all ink is darker, or all is
 * brighter. @param {ImageData} picture @returns {Plane | null} */
export function sheet({ data, width, height }) {
  const plane = new Float32Array(width * height);
  const isEdge = (k) => k < width || k >= plane.length - width || k % width === 0 || k % width === width - 1;
  const edges = [...plane.keys()].filter(isEdge);
  const ground = [0, 1, 2].map((c) => median(edges.map((k) => data[4 * k + c])));
  const away = (k, c) => data[4 * k + c] - ground[c];
  const brighter = plane.map((_, k) => Math.max(away(k, 0), away(k, 1), away(k, 2)));
  const darker = plane.map((_, k) => -Math.min(away(k, 0), away(k, 1), away(k, 2)));
  if (sum(edges, (k) => Math.max(brighter[k], darker[k]) <= SAME) < EDGES * edges.length) return null;
  const [above, below] = [brighter, darker].map((side) => side.reduce((a, b) => Math.max(a, b)));
  const strongest = Math.max(above, below);
  if (Math.min(above, below) > SAME || (strongest > SAME && strongest < FAR)) return null;
  const ink = (below > above ? darker : brighter).map((value) => Math.max(0, value) / Math.max(strongest, FAR));
  return sum(ink, (value) => value > LOW) > FULLEST * ink.length ? null : { data: ink, width, height };
}

/** The ink of a sheet in a column and a row, none beyond its ends. @param {Plane} flat */
export const at = ({ data, width }, x, y) => (x >= 0 && x < width && data[y * width + x]) || 0;

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

/** The connected pieces of ink, joined over corners too, without specks; frames are erased. @param {Plane} flat */
export function pieces({ data, width }) {
  const left = data.map((value) => value > LOW); // 1 for the ink that is in no piece yet
  const steps = [-width - 1, -width, 1 - width, -1, 1, width - 1, width, width + 1];
  const found = [];
  for (let start = left.indexOf(1); start >= 0; start = left.indexOf(1, start)) {
    const places = [start];
    left[start] = 0;
    for (const place of places)
      for (const next of steps.map((step) => place + step)) {
        if (!left[next] || Math.abs((next % width) - (place % width)) > 1) continue; // none beyond the sides
        left[next] = 0;
        places.push(next);
      }
    if (places.length > SPECK) found.push(pieceOf(places, width));
  }
  const kept = withoutFrames(found);
  const edge = [0, ...steps, -2, 2, -2 * width, 2 * width]; // a pixel, and how far a soft edge goes from it
  for (const place of found.filter((p) => !kept.includes(p)).flatMap(({ places }) => places))
    for (const step of edge) if (!step || data[place + step] <= LOW) data[place + step] = 0; // no row has frames
  return kept;
}

/** The height of most digits in pixels: the median over pieces, each counted by its ink. @param {Piece[]} found */
function digitHeight(found) {
  let above = sum(found, ({ mass }) => mass) / 2;
  return [...found].sort((a, b) => a.height - b.height).find(({ mass }) => (above -= mass) <= 0).height;
}

/** Pieces without those that are drawn round others: rings, frames, the walls of cells. @param {Piece[]} found */
function withoutFrames(found) {
  const holds = (p, q) => p.top < q.top && q.bottom < p.bottom && p.left < q.left && q.right < p.right;
  const round = (p) => encloses(p, found.filter((q) => holds(p, q) && q.side > PART * p.height));
  const others = found.filter((p) => !round(p)); // of which one is as high as a digit
  const usual = found.length && digitHeight(others.length ? others : found);
  // It is larger than a digit, or round a single one: a digit in pieces stands beside others.
  const large = (p) => p.height > 1.2 * usual || p.width > 2.5 * usual;
  const lone = (p) => sum(found, (q) => !holds(p, q) && q.height > 0.5 * p.height) < 2;
  const filled = (p, q) => (large(p) && q.side > PART * usual) || (lone(p) && q.side > FILLED * p.height);
  const isLine = (p) => p.height < THIN * usual && p.width > LONG * usual; // to write on
  const empty = (p) => p.mass >= HOLLOW * p.height * p.width || !found.some((q) => holds(p, q) && filled(p, q));
  return found.filter((p) => !isLine(p) && empty(p));
}

/** Whether a piece goes all round one of others. @param {Piece} piece @param {Piece[]} others */
function encloses({ places, across, top, left, height, width }, others) {
  if (!others.length) return false;
  const [wide, high] = [width + 2, height + 2]; // with what is beside it, from which all that is outside is reached
  const seen = new Uint8Array(wide * high);
  for (const k of places) seen[(Math.floor(k / across) - top + 1) * wide + (k % across) - left + 1] = 1;
  const waiting = [0];
  for (const k of waiting)
    for (const next of [k - 1, k + 1, k - wide, k + wide]) {
      if (seen[next] !== 0 || Math.abs((next % wide) - (k % wide)) > 1) continue;
      seen[next] = 2;
      waiting.push(next);
    }
  const inside = (k) => !seen[(Math.floor(k / across) - top + 1) * wide + (k % across) - left + 1];
  return others.some((q) => q.places.every(inside));
}

/** The pieces in rows, from top to bottom; small ones go with what they are near to. A row may climb or fall.
 * @param {Piece[]} found @returns {Row[]} */
export function rows(found) {
  const height = digitHeight(found);
  const flat = FLAT * height;
  const small = (p) => p.side < LARGE * height || p.height < flat;
  // How much of the lower one's height a piece shares with another one.
  const shared = (p, q) => (Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)) / Math.min(p.height, q.height);
  const built = [];
  for (const p of found.filter((q) => !small(q)).sort((a, b) => a.left - b.left)) {
    const beside = (row) => Math.max(...row.slice(-2).map((q) => shared(p, q)));
    const best = most(built, beside);
    if (best && beside(best) > 0.35) best.push(p);
    else built.push([p]);
  }
  // What is small or flat goes to the row that it is nearest to, and so do commas that hang below one.
  const far = (row) => row.every((p, k) => !k || p.left - row[k - 1].right > BETWEEN * height);
  const done = built.filter((row) => row.some((p) => p.side >= COMMA * height) || !far(row));
  const loose = [...found.filter(small), ...built.filter((row) => !done.includes(row)).flat()];
  const away = (p, row) => Math.min(...row.map((q) => distance(p, q, p.height < flat && flat < p.width ? ALONG : 1)));
  const near = (p) => most(done.filter((row) => away(p, row) < 0.5 * height), (row) => -away(p, row));
  for (const [p, row] of loose.map((p) => [p, near(p)])) // each found before any is there
    if (row) row.push(p);
    else if (p.side >= LARGE * height) done.push([p]);
  const middle = ({ pieces }) => median(pieces.map((p) => p.top + p.bottom));
  return done.map((row) => ({ pieces: row, height: digitHeight(row) })).sort((a, b) => middle(a) - middle(b));
}

/** A row as the rows that it is made of: a word, or another number, may stand far from a number. A row that is
 * lower than most digits of the page may be of the commas of another one. @param {Row} row @param {Piece[]} every */
export function parted(row, every) {
  if (Math.max(...row.pieces.map((p) => p.height)) < COMMA * digitHeight(every)) return [row];
  const parts = [];
  let right = 0;
  for (const p of [...row.pieces].sort((a, b) => a.left - b.left)) {
    if (parts.length && p.left - right <= AWAY * row.height) parts.at(-1).push(p);
    else parts.push([p]);
    right = Math.max(right, p.right);
  }
  const high = (height) => (height > LOWEST * row.height ? height : row.height); // a row of no digit may be low
  return parts.length > 1 ? parts.map((part) => ({ pieces: part, height: high(digitHeight(part)) })) : [row];
}

/** Pixels between two boxes, those across counted `along` times; 0 where they overlap. */
export const distance = (a, b, along = 1) =>
  Math.hypot(along * Math.max(0, a.left - b.right, b.left - a.right), Math.max(0, a.top - b.bottom, b.top - a.bottom));

/** A row of a sheet, made level, with a little around it, and where that begins.
 * @param {Plane} flat @param {Row} row @returns {Row & {grey: Plane, left: number, top: number}} */
export function strip(flat, { pieces, height }) {
  const large = pieces.filter(({ side }) => side >= LARGE * height);
  const margin = Math.trunc(MARGIN * height) + 1;
  const { left, right } = union(pieces);
  const xs = large.map((p) => (p.left + p.right) / 2);
  const middle = sum(xs) / xs.length;
  const slope = sum(large, (p, k) => (xs[k] - middle) * (p.top + p.bottom)) / 2 / sum(xs, (x) => (x - middle) ** 2);
  const few = xs.length < 3 || Math.max(...xs) - Math.min(...xs) <= 2 * height; // too close to tell by least squares
  const fall = (x) => (few || Math.abs(slope) < LEVEL ? 0 : slope * (x - (left + right) / 2));
  const top = Math.trunc(Math.min(...large.map((p, k) => p.top - fall(xs[k])))) - margin;
  const high = Math.ceil(Math.max(...large.map((p, k) => p.bottom - fall(xs[k])))) + margin - top;
  const wide = right - left + 2 * margin;
  const data = new Float32Array(wide * high).map((_, k) => {
    const x = left - margin + (k % wide);
    const value = at(flat, x, top + Math.floor(k / wide) + rounded(fall(x)));
    const black = Math.fround(255 * Math.min(1, Math.fround(value / FULL)));
    return Math.trunc(Math.fround(255 - black)); // dark on light
  });
  return { pieces, height, grey: { data, width: wide, height: high }, left: left - margin, top };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** The nearest whole number, and of two the even one, as Python's `round`. */
export function rounded(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

export const sum = (values, of = (value) => value) => values.reduce((total, value, k) => total + of(value, k), 0);

/** The value of which `of` is most, the first of several; undefined of none. */
export const most = (values, of) => values.reduce((a, b) => (of(b) > of(a) ? b : a), values[0]);
