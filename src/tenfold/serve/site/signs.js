/** What both networks read in the rows of a sheet, as tenfold's read/finding/signs.py and page.py put it together. */

import { clean, distance, frames, median, pieceOf, pieces, rows, strip, union, withoutSpecks } from "./finding.js";
import { LOW, most, rounded, sum } from "./ink.js";

export const OTHER = "?"; // the class of letters, and of signs that numbers are not written with
const [SIGNS, SMALL] = [".,-/:+()%", ".,:-"];
const LEAST = 0.02; // what the digits' network leaves of any digit: it has not seen all hands
const NO_DIGIT = 0.3; // what it leaves of signs where the other network sees a digit too: it takes a slash for a 1
const TRUST = 0.5; // the power that the digits' probabilities are raised to: of foreign hands they are too certain
const [LARGE, TALL] = [0.55, 1.5]; // of a digit's height: ink as high as that may be a digit that was passed over
const PASSED_OVER = 0.5; // of its probability is left to a row with ink of a digit's size that is none of its signs
const REACH = 0.6; // of a digit's height: how far from the middle of a sign its ink may be
const [IN_COLUMN, WIDTH] = [4, 0.75]; // signs at most that touch, and of a digit's height its width
const POINT = 0.75; // the probability of a point that touches a digit
const PLAIN = 0.98; // the probability of a digit that is one at first sight
const LONGEST = 200; // times its height: what is longer is no row
const CROWD = 300; // rows: more of them are texture, or a page of text
const GAP = 1.25; // of a digit's height, between digits: a wider one may part two numbers

/** @typedef {import("./finding.js").Piece} Piece */
/**
 * `names` are the probabilities of every class, OTHER among them; `input` is what the network for digits sees.
 * @typedef {{value: string, probability: number, names: Record<string, number>, piece: Piece, input: Uint8Array}} Sign
 */
/** @typedef {{signs: Sign[], ignored: Piece[], probability: number}} Read a row; that is the product of its signs' */

/** The rows on a clean sheet, or all of its ink as one digit. @returns {Promise<Read[]>} */
export async function read(sheet, networks, single) {
  if (single) return alone(sheet, networks);
  const [only, ...others] = pieces(sheet);
  if (only?.width <= 1.2 * only?.height && !others.length) {
    const [look] = await networks.looks([cutOut(only, sheet)]);
    const sign = byDigits(look, only);
    if (isRead(sign) && sign.probability >= PLAIN) return [readOf([sign])];
  }
  const { flat, found } = clean(sheet);
  const around = frames(found);
  const cut = rows(found.filter((p) => !around.includes(p))).map((row) => strip(flat, row));
  const strips = cut.filter(({ grey }) => grey.width <= LONGEST * grey.height);
  if (!strips.length || strips.length > CROWD) return [];
  const texts = await networks.texts(strips.map(({ grey }) => grey));
  const done = [];
  for (const [k, strip] of strips.entries()) done.push(await signs(strip, texts[k], flat, networks));
  return [...done, readOf([], around)];
}

/** All ink as one digit: the largest piece with what is near it, or with all that is large enough. */
async function alone(flat, { about, looks, texts }) {
  const found = withoutSpecks(pieces(flat), flat);
  if (!found.length) return [];
  const main = most(found, (p) => p.mass);
  const near = new Set([main]);
  for (const p of near) for (const q of found) if (distance(p, q) < 0.35 * main.side) near.add(q);
  const choices = [union([...near]), main, union(found)];
  const seen = await looks(choices.map((p) => cutOut(p, flat)));
  // All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
  const extra = [0, 0.3 + 5 * (1 - main.mass / choices[0].mass), 0.7];
  const k = most([0, 1, 2], (k) => Math.log(Math.max(...Object.values(seen[k].names)) + 1e-6) - extra[k]);
  const [{ signs }] = await texts([strip(flat, { pieces: [choices[k]], height: choices[k].height }).grey]);
  const one = signs.length === 1;
  return [readOf([one ? fused(signs[0].names, seen[k], choices[k], true, about, true) : byDigits(seen[k], choices[k])])];
}

/** A row's signs: which ink each is, and what both networks make of it. @returns {Promise<Read>} */
async function signs(strip, text, flat, { about, looks }) {
  const values = text.signs.map(({ names }) => most(Object.keys(names), (name) => names[name]));
  const across = columns(strip.pieces.filter((p) => p.height > LARGE * strip.height));
  const read = text.signs.map(({ middle }) => strip.left + middle);
  const middles = aligned(read, values, across, strip.height);
  const { owned, rest } = matched(strip, middles, values);
  const inks = owned.map((some, k) => (some.length ? union(some) : cell(strip, middles, k)));
  const lone = strip.pieces.filter((p) => p.side > 0.3 * strip.height).length === 1;
  if (lone && !(owned.length === 1 && owned[0].length)) inks.push(union(strip.pieces));
  const seen = await looks(inks.map((p) => cutOut(p, flat)));
  // How likely there are these signs and no others, shared among them.
  const path = product(text.signs.map(({ names }) => Math.max(...Object.values(names))));
  const [least, limit] = [LARGE * strip.height, TALL * strip.height];
  const passedOver = rest.some((p) => p.height > least && p.height < limit && p.width < limit);
  const share = ((passedOver ? PASSED_OVER : 1) * Math.min(1, text.probability / path)) ** (1 / middles.length);
  const every = text.signs.map(({ names }, k) => {
    const sign = fused(names, seen[k], inks[k], owned[k].length > 0, about, owned.length === 1);
    return { ...sign, probability: sign.probability * share };
  });
  const row = readOf(owned.some((some) => some.length) ? withInk(every, owned) : every, rest);
  return inks.length > every.length ? likelier(row, byDigits(seen.at(-1), inks.at(-1))) : row;
}

/** Signs without the points that have no ink of their own and are not plain, and the doubt about those in the others. */
function withInk(every, owned) {
  const kept = (sign, k) => owned[k].length || !SMALL.includes(sign.value) || sign.probability > POINT;
  const [some, others] = [every.filter(kept), every.filter((sign, k) => !kept(sign, k))];
  const doubt = product(others.map(({ probability }) => 1 - probability)) ** (1 / some.length);
  return some.map((sign) => ({ ...sign, probability: sign.probability * doubt }));
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
    const fit = [...middles.keys()].filter((k) => p.height <= LARGE * height || !SMALL.includes(values[k])); // no points
    const over = fit.filter((k) => middles[k] >= p.left - 1 && middles[k] <= p.right + 1);
    const nearest = most(fit, (k) => -away(k));
    const near = over.length || !(away(nearest) < REACH * height) ? over : [nearest];
    if (near.length === 1) owned[near[0]].push(p);
    else if (near.every((k) => owned[k].length)) rest.push(p); // along signs with ink of their own: a frame or a ruling
    else for (const k of near) shared.add(k);
  }
  return { owned: owned.map((some, k) => (shared.has(k) ? [] : some)), rest };
}

/** The ink of a sign that shares it: what lies between the middles to its neighbours. */
function cell({ pieces, height, grey, top }, middles, k) {
  const [middle, reach] = [middles[k], 0.9 * height];
  const left = rounded(Math.max(0, middle - reach, k ? (middles[k - 1] + middle) / 2 : 0));
  const right = Math.max(1, rounded(Math.min(middle + reach, (middle + (middles[k + 1] ?? Infinity)) / 2)));
  const { places, across } = union(pieces);
  const own = pieceOf(places.filter((place) => place % across >= left && place % across < right), across);
  if (own.mass) return own;
  const above = Math.max(0, rounded((grey.height - height) / 2) + top);
  const [high, wide] = [Math.max(1, rounded(height)), Math.max(1, right - left)];
  return { ...own, top: above, left, bottom: above + high, right: left + wide, height: high, width: wide };
}

/** @returns {Read} */
function readOf(signs, ignored = []) {
  return { signs, ignored, probability: signs.length ? product(signs.map((sign) => sign.probability)) : 0 };
}

/** A row, or the digit that all of its ink may be, whichever is likelier. @param {Read} row @param {Sign} sign */
function likelier(row, sign) {
  const [one, text] = [sign.probability * (1 - row.probability), row.probability * (1 - sign.probability)];
  if (one < text || !one || !isRead(sign)) return row;
  return readOf([{ ...sign, probability: one / (one + text + (1 - sign.probability) * (1 - row.probability)) }]);
}

/**
 * A sign, from the probabilities of both networks; of the one for lines alone where the ink is not its own. A lone digit
 * is what the digits' network sees, and no more probable than it is to both in the mean. A digits' network with other
 * classes is asked alone wherever the one for lines sees a digit or something else. @returns {Sign}
 */
function fused(names, look, piece, own, { classes }, lone = false) {
  const plain = signOf(names, piece, look);
  if (classes.join() !== "0,1,2,3,4,5,6,7,8,9") return SIGNS.includes(plain.value) ? plain : byDigits(look, piece);
  if (!own) return plain;
  const digit = plain.value in look.names;
  if (lone && digit) {
    const sign = byDigits(look, piece);
    return { ...sign, probability: Math.min(sign.probability, (sign.probability + names[sign.value]) / 2) };
  }
  const none = digit ? Math.max(NO_DIGIT, look.none) : 1; // it makes no digit of what is a sign in a row
  const known = lone ? { ...look.names, [OTHER]: look.none } : look.names; // a lone sign may be no digit to it
  const seen = (name) => Math.max(LEAST, known[name] ?? none) ** (lone ? 1 : TRUST);
  const both = Object.entries(names).map(([name, value]) => [name, value * seen(name)]);
  const whole = sum(both, ([, value]) => value);
  return signOf(Object.fromEntries(both.map(([name, value]) => [name, value / whole])), piece, look);
}

/** A digit, or OTHER, as the network for digits sees it. */
const byDigits = (look, piece) => signOf({ ...look.names, [OTHER]: look.none }, piece, look);

function signOf(names, piece, { input }) {
  const [value, probability] = most(Object.entries(names), ([, probability]) => probability);
  return { value, probability, names, piece, input };
}

/** A piece's ink with its soft edge, and without what else is in its box: 2 pixels larger on every side. */
function cutOut(p, flat) {
  const [width, height, floor] = [p.width + 4, p.height + 4, 0.6 * LOW];
  const [top, left] = [p.top - 2, p.left - 2];
  let own = new Uint8Array(width * height);
  for (const k of p.places) own[(Math.floor(k / flat.width) - top) * width + (k % flat.width) - left] = 1;
  for (let times = p.height < 60 ? 1 : 2; times > 0; times--)
    own = own.map((it, k, all) => it | all[k - 1] | all[k + 1] | all[k - width] | all[k + width]); // edges are empty
  const data = Float32Array.from(own, (it, k) => {
    const x = left + (k % width);
    const inside = it && x >= 0 && x < flat.width;
    const ink = (inside && flat.data[(top + Math.floor(k / width)) * flat.width + x]) || 0;
    return Math.min(1, Math.max(0, (ink - floor) / (1 - floor)));
  });
  return { data, width, height };
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
  const parted = [[signs[0]]];
  for (const [k, gap] of gaps.entries())
    if (gap > GAP * height && gap > 2.2 * usual + 0.2 * height) parted.push([signs[k + 1]]);
    else parted.at(-1).push(signs[k + 1]);
  return parted;
}

export const product = (values) => values.reduce((a, b) => a * b, 1);
