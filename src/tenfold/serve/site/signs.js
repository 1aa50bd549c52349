/** What both networks read in the rows of a sheet, as tenfold's read/finding/signs.py and page.py put it together. */

import { LOW, at, distance, median, most, pieceOf, pieces, rounded, rows, strip, sum, union } from "./finding.js";
import { OTHER, named } from "./networks.js";

const [SIGNS, SMALL] = [".,-/:+()%", ".,:-"];
const LEAST = 0.02; // what the digits' network leaves of any digit: it has not seen all hands
const NO_DIGIT = 0.3; // what it leaves of signs where the other network sees a digit too: it takes a slash for a 1
const TRUST = 0.5; // the power that the digits' probabilities are raised to: of foreign hands they are too certain
const LARGE = 0.55; // of a digit's height: ink as high as that is no point
const REACH = 0.6; // of a digit's height: how far from the middle of a sign its ink may be
const PLAIN = 0.98; // the probability of a digit that is one at first sight
const MOST = 2000; // pieces: more of them are texture, or a page of text
const GAP = 1.25; // of a digit's height, between digits: a wider one may part two numbers

/** @typedef {import("./finding.js").Piece} Piece */
/** A sign with the probabilities of every class, and what the network for digits sees of its ink.
 * @typedef {import("./networks.js").Look & {value: string, probability: number, piece: Piece}} Sign */
/** @typedef {{signs: Sign[], ignored: Piece[]}} Read a row, whose probability is the product of its signs' */

/** The rows on a clean sheet, or all of its ink as one digit. @returns {Promise<Read[]>} */
export async function read(sheet, networks, single) {
  const every = pieces(sheet);
  if (!every.length || every.length > MOST) return [];
  const look = async (piece) => {
    const { names, input } = await networks.look(cutOut(piece, sheet));
    return signOf(names, { piece, input });
  };
  if (single) return [{ signs: [await alone(sheet, every, networks, look)], ignored: [] }];
  if (every.length === 1 && every[0].width <= 1.2 * every[0].height) {
    const sign = await look(every[0]);
    if (isRead(sign) && sign.probability >= PLAIN) return [{ signs: [sign], ignored: [] }];
  }
  const done = [];
  for (const row of rows(every)) done.push(await readRow(strip(sheet, row), networks, look));
  return done;
}

/** All ink as one digit: the largest piece, with what is near it or with everything. @returns {Promise<Sign>} */
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
  const { signs } = await read(strip(sheet, { pieces: [best.piece], height: best.piece.height }).ink);
  return signs.length === 1 ? fused(signs[0].names, best, true, about, true) : best;
}

/** A row's signs: which ink each is, and what both networks make of it. @returns {Promise<Read>} */
async function readRow(row, { about, read }, look) {
  const text = await read(row.ink);
  const values = text.signs.map(({ names }) => likeliest(names));
  const middles = aligned(text.signs.map(({ middle }) => row.left + middle), values, row);
  const { owned, rest } = matched(row, middles, values);
  const share = text.share ** (1 / middles.length); // the doubt about the whole text is shared among its signs
  const signs = [];
  for (const [k, { names }] of text.signs.entries()) {
    const seen = await look(owned[k].length ? union(owned[k]) : cell(row, middles, k));
    const sign = fused(names, seen, owned[k].length > 0, about, owned.length === 1);
    signs.push({ ...sign, probability: sign.probability * share });
  }
  const large = row.pieces.filter((p) => p.side > 0.3 * row.height);
  if (large.length > 1 || (owned.length === 1 && owned[0].length)) return { signs, ignored: rest };
  // A row, or the digit that all of its ink may be, whichever is likelier.
  const one = await look(union(row.pieces));
  const whole = signs.reduce((all, { probability }) => all * probability, signs.length ? 1 : 0);
  const [digit, several] = [one.probability * (1 - whole), whole * (1 - one.probability)];
  if (digit < several || !digit || !isRead(one)) return { signs, ignored: rest };
  const probability = digit / (digit + several + (1 - one.probability) * (1 - whole));
  return { signs: [{ ...one, probability }], ignored: [] };
}

/** The middles of signs, shared out evenly in the columns of high ink that they are nearest to: CTC knows the order of
 * signs, not quite their places. Nothing is moved where a sign may have no high ink, or a column no sign. */
function aligned(middles, values, { pieces, height }) {
  const high = [...values.keys()].filter((k) => !SMALL.includes(values[k]));
  const columns = []; // pieces that stand one above another are one
  for (const p of pieces.filter((p) => p.height > LARGE * height).sort((a, b) => a.left - b.left))
    columns.push(p.left < columns.at(-1)?.right ? union([columns.pop(), p]) : p);
  const nearest = middles.map((middle) => most(columns, (c) => Math.min(0, middle - c.left, c.right - middle)));
  const free = columns.some((c) => !high.some((k) => nearest[k] === c));
  if (!columns.length || free || values.some((value) => value === "+" || value === OTHER)) return middles;
  const moved = [...middles];
  for (const k of high) {
    const same = high.filter((n) => nearest[n] === nearest[k]);
    moved[k] = nearest[k].left + ((same.indexOf(k) + 0.5) / same.length) * nearest[k].width;
  }
  const beside = (k) => high.filter((n) => Math.abs(n - k) === 1).map((n) => moved[n] - middles[n]);
  return moved.map((place, k) => (high.includes(k) ? place : place + (median(beside(k)) || 0))); // points go along
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
