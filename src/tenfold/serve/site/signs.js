/** What both networks read in the rows of a sheet, as tenfold's read/finding/signs.py and page.py put it together. */

import { LOW, at, distance, median, most, pieceOf, pieces, rounded, rows, strip, sum, union } from "./finding.js";
import { OTHER, named } from "./networks.js";

const [SIGNS, SMALL, WIDE] = [".,-/:+()%", ".,:-", "023456789"]; // WIDE are no bars, as slashes are
const LEAST = 0.02; // what the digits' network leaves of any digit: it has not seen all hands
const NO_DIGIT = 0.3; // what it leaves of signs where the other network sees a digit too: it takes a slash for a 1
const TRUST = 0.5; // the power that the digits' probabilities are raised to: of foreign hands they are too certain
const [LARGE, TALL] = [0.55, 1.5]; // of a digit's height: ink as high as that may be a digit that was passed over
const SPECK = 0.14; // of a digit's height: smaller pieces are specks
const PASSED_OVER = 0.5; // of its probability is left to what is read beside such ink
const [TINY, SIGN] = [18, 20]; // pixels: smaller digits only one network knows, and a picture no larger shows one
const [IN_COLUMN, WIDTH] = [4, 0.75]; // signs at most that touch, and of a digit's height its width
const COMMA = 1.4; // times its width is a comma high
const [TALLER, AS_TALL] = [1.15, 1.1]; // times as high as digits is a slash or a bracket, and is none
const [LIKE, UNLIKE] = [12, 0.2]; // times as probable is a sign by its shape
const REACH = 0.6; // of a digit's height: how far from the middle of a sign its ink may be
const PLAIN = 0.98; // the probability of a digit that is one at first sight
const MOST = 2000; // pieces: more of them are texture, or a page of text
const GAP = 1.25; // of a digit's height, between digits: a wider one may part two numbers

/** @typedef {import("./finding.js").Piece} Piece */
/** A sign with the probabilities of every class, and what the network for digits sees of its ink.
 * @typedef {import("./networks.js").Look & {value: string, probability: number, piece: Piece}} Sign */
/** @typedef {{signs: Sign[], ignored: Piece[], pieces: Piece[]}} Read a row, whose probability is the product of its
 * signs' */

/** The rows on a clean sheet, or all of its ink as one digit. @returns {Promise<Read[]>} */
export async function read(sheet, networks, single) {
  const every = pieces(sheet);
  if (!every.length || every.length > MOST) return [];
  const look = async (piece) => {
    const { names, input } = await networks.look(cutOut(piece, sheet));
    return signOf(names, { piece, input });
  };
  if (single || Math.max(sheet.width, sheet.height) <= SIGN) return [await alone(sheet, every, networks, look)];
  if (every.length === 1 && every[0].width <= 1.2 * every[0].height) {
    const sign = await look(every[0]);
    if (isRead(sign) && sign.probability >= PLAIN) return [{ signs: [sign], ignored: [], pieces: every }];
  }
  const done = [];
  for (const row of rows(every)) done.push(await readRow(strip(sheet, row), networks, look));
  return done;
}

/** All ink as one digit: the largest piece, with what is near it or with everything. @returns {Promise<Read>} */
async function alone(sheet, found, { about, read }, look) {
  const main = most(found, (p) => p.mass);
  const near = new Set([main]);
  for (const p of near) for (const q of found) if (distance(p, q) < 0.35 * main.side) near.add(q);
  const looks = [];
  for (const p of [union([...near]), main, union(found)]) looks.push(await look(p));
  // All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
  const extra = [0, 0.3 + 5 * (1 - main.mass / looks[0].piece.mass), 0.7];
  const likely = ({ names }) => Math.max(...about.classes.map((name) => names[name]));
  const best = looks[most([0, 1, 2], (k) => Math.log(likely(looks[k]) + 1e-6) - extra[k])];
  const { top, left, bottom, right, height } = best.piece;
  const outside = (p) => p.left < left || p.right > right || p.top < top || p.bottom > bottom;
  const ignored = found.filter((p) => p.side >= SPECK * height && outside(p));
  const rest = { ignored, pieces: [best.piece, ...ignored] };
  if (best.piece.side < TINY) return { signs: [best], ...rest };
  const { signs, probability } = await read(strip(sheet, { pieces: [best.piece], height: best.piece.height }).ink);
  const one = signs.length === 1 ? fused(signs[0].names, best, true, about, true) : best;
  const several = signs.length > 1 ? probability : 0;
  const probable = one.probability * (1 - several) * passedOver(ignored, height);
  return { signs: [{ ...one, probability: probable }], ...rest };
}

/** What is left of a probability beside ink that was taken for no sign. @param {Piece[]} rest */
const passedOver = (rest, height) => {
  const digit = (p) => p.height > LARGE * height && Math.max(p.height, p.width) < TALL * height;
  return rest.some(digit) ? PASSED_OVER : 1;
};

/** A row's signs: which ink each is, and what both networks make of it. @returns {Promise<Read>} */
async function readRow(row, { about, read }, look) {
  const text = await read(row.ink);
  const values = text.signs.map(({ names }) => likeliest(names));
  const across = columns(row.pieces.filter((p) => p.height > LARGE * row.height));
  const middles = aligned(text.signs.map(({ middle }) => row.left + middle), values, across, row.height);
  const { owned, rest } = matched(row, middles, values);
  // The doubt about the whole text is shared among its signs.
  const share = (text.share * passedOver(rest, row.height)) ** (1 / middles.length);
  const signs = [];
  const inks = owned.map((some, k) => (some.length ? union(some) : cell(row, middles, k)));
  const high = median(inks.filter((_, k) => WIDE.includes(values[k])).map((p) => p.height));
  for (const [k, { names }] of text.signs.entries()) {
    const seen = await look(inks[k]);
    const known = owned[k].length && owned.length > 1 ? shaped(names, inks[k], high) : names;
    const sign = fused(known, seen, owned[k].length > 0, about, owned.length === 1);
    signs.push({ ...sign, probability: sign.probability * share });
  }
  const made = { signs, ignored: rest, pieces: [...row.pieces].sort((a, b) => a.left + a.right - b.left - b.right) };
  const large = row.pieces.filter((p) => p.side > 0.3 * row.height);
  if (large.length > 1 || (owned.length === 1 && owned[0].length)) return made;
  // A row, or the digit that all of its ink may be, whichever is likelier.
  const one = await look(union(row.pieces));
  const whole = signs.reduce((all, { probability }) => all * probability, signs.length ? 1 : 0);
  const [digit, several] = [one.probability * (1 - whole), whole * (1 - one.probability)];
  if (digit < several || !digit || !isRead(one)) return made;
  const probability = digit / (digit + several + (1 - one.probability) * (1 - whole));
  return { ...made, signs: [{ ...one, probability }], ignored: [] };
}

/**
 * The middles of signs, moved into the columns of high ink: CTC knows the order of signs, not quite their places. The
 * cheapest way to share the signs out among the columns, by their widths, is found by dynamic programming.
 */
function aligned(middles, values, columns, height) {
  const high = [...values.keys()].filter((k) => !SMALL.includes(values[k]));
  if (!columns.length || columns.length > high.length || values.some((v) => v === "+" || v === OTHER)) return middles;
  let best = new Map([[0, { cost: 0, places: [] }]]); // by how many signs are placed
  for (const [left, right] of columns) {
    const following = new Map();
    for (const [done, { cost, places }] of best)
      for (let count = 1; count <= Math.min(IN_COLUMN, high.length - done); count++) {
        const fresh = Array.from({ length: count }, (_, k) => left + ((k + 0.5) / count) * (right - left));
        const away = sum(fresh, (place, k) => Math.abs(middles[high[done + k]] - place)) / height;
        const dear = cost + away + 2 * Math.abs(count - Math.max(1, (right - left) / (WIDTH * height)));
        if (!(dear >= following.get(done + count)?.cost))
          following.set(done + count, { cost: dear, places: [...places, ...fresh] });
      }
    best = following;
  }
  const found = best.get(high.length)?.places;
  if (!found) return middles;
  const moved = middles.map((middle, k) => found[high.indexOf(k)] ?? middle);
  return moved.map((place, k) => {
    if (high.includes(k)) return place;
    const near = Math.min(...high.map((n) => Math.abs(n - k))); // a point goes with its neighbours
    const beside = high.filter((n) => Math.abs(n - k) === near).map((n) => moved[n] - middles[n]);
    return place + sum(beside) / beside.length;
  });
}

/** Where pieces that stand one above another begin and end, from left to right. @param {Piece[]} pieces */
function columns(pieces) {
  const found = [];
  for (const { left, right } of [...pieces].sort((a, b) => a.left - b.left))
    if (found.length && left < found.at(-1)[1]) found.at(-1)[1] = Math.max(found.at(-1)[1], right);
    else found.push([left, right]);
  return found;
}

/** The pieces of each sign, none where it shares its ink with another one; and those that are no sign's. */
function matched({ pieces, height }, middles, values) {
  const [owned, shared, rest] = [middles.map(() => []), new Set(), []];
  for (const p of [...pieces].sort((a, b) => a.width - b.width)) {
    const away = (k) => Math.abs(middles[k] - (p.left + p.right) / 2);
    const fit = [...middles.keys()].filter((k) => p.height <= LARGE * height || !SMALL.includes(values[k]));
    const over = fit.filter((k) => middles[k] >= p.left - 1 && middles[k] <= p.right + 1);
    const nearest = most(fit, (k) => -away(k));
    const near = over.length || !(away(nearest) < REACH * height) ? over : [nearest];
    if (near.length === 1) owned[near[0]].push(p);
    else if (near.every((k) => owned[k].length)) rest.push(p); // along signs with ink of their own: a frame or a ruling
    else for (const k of near) shared.add(k);
  }
  return { owned: owned.map((some, k) => (shared.has(k) ? [] : some)), rest };
}

/** The ink of a sign that shares it, between the middles to its neighbours, or the place where there is none. */
function cell({ pieces, height, ink, top }, middles, k) {
  const { places, across } = union(pieces);
  const [middle, reach] = [middles[k], 0.9 * height];
  const left = rounded(Math.max(0, middle - reach, k ? (middles[k - 1] + middle) / 2 : 0));
  const right = Math.max(1, rounded(Math.min(across, middle + reach, (middle + (middles[k + 1] ?? Infinity)) / 2)));
  const own = places.filter((place) => place % across >= left && place % across < right);
  const above = Math.max(0, top + rounded((ink.height - height) / 2));
  return pieceOf(own.length ? own : [above * across + left, (above + height - 1) * across + right - 1], across);
}

/** The probabilities, by what a sign's own ink tells: commas are longer than wide, slashes and brackets than digits. */
function shaped(names, { height, width }, digit) {
  const factors = { ",": height < COMMA * width ? UNLIKE : 1 };
  for (const name of "/()") factors[name] = height > TALLER * digit ? LIKE : height < AS_TALL * digit ? UNLIKE : 1;
  return named(Object.keys(names), Object.entries(names).map(([name, value]) => value * (factors[name] ?? 1)));
}

/** A sign, from the probabilities of both networks; of the one for lines alone where the ink is not its own. A lone
 * digit is what the digits' network sees, and no more probable than it is to both in the mean. A digits' network with
 * other classes is asked alone wherever the one for lines sees a digit or something else.
 * @param {Sign} seen by the digits' network @returns {Sign} */
function fused(names, seen, own, { classes }, lone) {
  const plain = signOf(names, seen);
  if (classes.join() !== "0,1,2,3,4,5,6,7,8,9") return SIGNS.includes(plain.value) ? plain : seen;
  if (!own) return plain;
  const digit = isDigit(plain);
  const mean = (seen.probability + names[seen.value]) / 2;
  if (lone && digit) return { ...seen, probability: Math.min(seen.probability, mean) };
  const none = digit ? Math.max(NO_DIGIT, seen.names[OTHER]) : 1; // it makes no digit of what is a sign in a row
  const known = lone ? seen.names : { ...seen.names, [OTHER]: none }; // a lone sign may be no digit to it
  const trusted = (name) => Math.max(LEAST, known[name] ?? none) ** (lone ? 1 : TRUST);
  const both = Object.entries(names).map(([name, value]) => value * trusted(name));
  return signOf(named(Object.keys(names), both), seen);
}

/** The likeliest sign of these. @returns {Sign} */
function signOf(names, { piece, input }) {
  const value = likeliest(names);
  return { value, probability: names[value], names, piece, input };
}

const likeliest = (names) => most(Object.keys(names), (name) => names[name]);

/** A piece's ink with its soft edge, and without what else is in its box: 2 pixels larger on every side. */
function cutOut(p, sheet) {
  const [width, height, floor] = [p.width + 4, p.height + 4, 0.6 * LOW];
  const [top, left] = [p.top - 2, p.left - 2];
  let own = new Uint8Array(width * height);
  for (const k of p.places) own[(Math.floor(k / p.across) - top) * width + (k % p.across) - left] = 1;
  for (let times = p.height < 60 ? 1 : 2; times > 0; times--)
    own = own.map((it, k, all) => it | all[k - 1] | all[k + 1] | all[k - width] | all[k + width]); // edges are empty
  const ink = (k) => (at(sheet, left + (k % width), top + Math.floor(k / width)) - floor) / (1 - floor);
  return { data: Float32Array.from(own, (it, k) => (it ? Math.min(1, Math.max(0, ink(k))) : 0)), width, height };
}

export const isRead = ({ value }) => value !== OTHER;
const isDigit = ({ value }) => !(SIGNS + OTHER).includes(value);

/** Whether there are digits in a row, and no more that is none: words have an l or an o. @param {Read} row */
export function isNumber({ signs }) {
  return signs.some(isDigit) && sum(signs, isDigit) >= sum(signs, (sign) => !isRead(sign));
}

/** A row's signs as the numbers they make: parted where a gap is wide, and wider than most between signs. */
export function words(signs) {
  const gaps = signs.slice(1).map(({ piece }, k) => Math.max(0, piece.left - signs[k].piece.right));
  const height = median(signs.filter(isDigit).map(({ piece }) => piece.height));
  const usual = gaps.length > 2 ? median(gaps) : Math.min(...gaps);
  const least = Math.max(GAP * height, 2.2 * usual + 0.2 * height);
  const begins = [...signs.keys()].filter((k) => !k || gaps[k - 1] > least);
  return begins.map((begin, n) => signs.slice(begin, begins[n + 1]));
}
