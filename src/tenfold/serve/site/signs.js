/** What both networks read in the rows of a sheet, as tenfold's read/finding/signs.py and page.py put it together. */

import { LOW, at, distance, median, most, parted, pieceOf, pieces, rounded, rows, strip, sum, union } from "./finding.js";
import { expected, usual } from "./forms.js";
import { OTHER, named } from "./networks.js";

export const SIGNS = ".,-/:+()%"; // between digits
const WIDE = "023456789"; // are no bars, as slashes are
const SMALL = { ".": 0.55, ",": 0.75, ":": 0.55, "-": 0.55 }; // of a digit's height at most
export const DIGITS = "0,1,2,3,4,5,6,7,8,9"; // the classes of most networks for digits
const LEAST = 0.02; // what the digits' network leaves of any digit: it has not seen all hands
const NO_DIGIT = 0.3; // what it leaves of signs where the other network sees a digit too: it takes a slash for a 1
const TRUST = 0.5; // the power that the digits' probabilities are raised to: of foreign hands they are too certain
const KNOWN = 0.9; // the probability for it of all other digits of a row, of a hand that it knows: then the power is 1
const [LARGE, TALL] = [0.55, 1.5]; // of a digit's height: ink as high as that may be a digit that was passed over
const RULED = 2; // times their height is each of the signs that share ink wide, where that has no line in it
const SPECK = 0.14; // of a digit's height: smaller pieces are specks
const EVEN = 0.01; // of the doubt about a text falls on every sign
const PASSED_OVER = 0.5; // of its probability is left to what is read beside such ink
const [TINY, SIGN] = [18, 20]; // pixels: smaller digits only one network knows, and a picture no larger shows one
const [WITHOUT, NO_SIGN] = [0.25, 1]; // of a digit's height away is as dear as a sign without ink, and ink without one
const [IN_COLUMN, WIDTH] = [4, 0.75]; // signs at most that touch, and of a digit's height its width
const COMMA = 1.4; // times its width is a comma high
const [TALLER, AS_TALL] = [1.15, 1.1]; // times as high as digits is a slash or a bracket, and is none
const LEANING = 0.8; // times its height is a slash wide that need not be longer than digits
const [LIKE, UNLIKE] = [12, 0.2]; // times as probable is a sign by its shape
const [BEYOND, WHOLE] = [0.08, 1.6]; // of a digit's height a stroke stands out from a row above and below, if that is whole
const DOLLAR = 2; // times as probable as the 5 that it is like is a dollar, which is no sign
const [REACH, APART] = [0.6, 0.05]; // of a digit's height: a sign's ink is nearer to its middle, its parts to another
const [POINT, PLAIN] = [0.75, 0.98]; // the probability of a point that touches a digit, and of what is plainly one
const [SMALLEST, LARGEST, FOOT] = [0.15, 0.5, 0.65]; // of a digit's height is a point, so low in a row it stands,
const FREE = 20; // and so many times as probable is one between digits where ink of its size stands free
const MOST = 2000; // pieces: more of them are texture, or a page of text
const [GAP, AWAY] = [1.25, 2]; // of a digit's height, between digits: a wider one may part two numbers, and does

/** @typedef {import("./finding.js").Piece} Piece */
/** A sign with the probabilities of every class, and what the network for digits sees of its ink.
 * @typedef {import("./networks.js").Look & {value: string, probability: number, piece: Piece}} Sign */
/** @typedef {{signs: Sign[], ignored: Piece[], pieces: Piece[]}} Read a row, as probable as its signs together */

/** The rows on a clean sheet, or all of its ink as one digit. @returns {Promise<Read[]>} */
export async function read(sheet, networks, single) {
  const every = pieces(sheet);
  if (!every.length || every.length > MOST) return [];
  const look = async (piece) => signOf({ ...(await networks.look(cutOut(piece, sheet))), piece });
  if (single || Math.max(sheet.width, sheet.height) <= SIGN) return [await alone(sheet, every, networks, look)];
  const sign = every.length === 1 && every[0].width <= 1.2 * every[0].height && (await look(every[0]));
  if (sign && isRead(sign) && sign.probability >= PLAIN) return [{ signs: [sign], ignored: [], pieces: every }];
  const part = (odds) => (row) => readRow(strip(sheet, row), networks, look, odds);
  const reading = async (row, odds) => joined(await Array.fromAsync(parted(row, every), part(odds)));
  const found = rows(every);
  const made = await Array.fromAsync(found, (row) => reading(row, {}));
  if (networks.about.classes.join() !== DIGITS) return made;
  for (const [k, odds] of expected(made)) {
    const again = await reading(found[k], odds);
    if (again.signs.length) made[k] = again;
  }
  return usual(made);
}

/** The parts of a row as one: what has no number in it is ignored. @param {Read[]} parts @returns {Read} */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const ignored = parts.flatMap((part) => (isNumber(part) ? part.ignored : part.pieces));
  const signs = parts.filter(isNumber).flatMap((part) => part.signs);
  return { signs, ignored, pieces: parts.flatMap(({ pieces }) => pieces) };
}

/** All ink as one digit: the largest piece, with what is near it or with everything. @returns {Promise<Read>} */
async function alone(sheet, found, { about, read }, look) {
  const main = most(found, (p) => p.mass);
  const near = new Set([main]);
  for (const p of near) for (const q of found) if (distance(p, q) < 0.35 * main.side) near.add(q);
  const parts = [[...near], [main], found];
  const looks = await Array.fromAsync(parts.map(union), look);
  // All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
  const extra = [0, 0.3 + 5 * (1 - main.mass / looks[0].piece.mass), 0.7];
  const likely = ({ names }) => Math.max(...about.classes.map((name) => names[name]));
  const k = most([0, 1, 2], (n) => Math.log(likely(looks[n]) + 1e-6) - extra[n]);
  const [best, { height, side }] = [looks[k], looks[k].piece];
  const ignored = found.filter((p) => p.side >= SPECK * height && !parts[k].includes(p));
  const rest = { ignored, pieces: [best.piece, ...ignored] };
  if (side < TINY) return { signs: [best], ...rest };
  const { signs, probability } = await read(strip(sheet, { pieces: [best.piece], height }).grey);
  const one = signs.length === 1 ? fused(signs[0].names, best, true, about, true, 1) : best;
  const several = signs.length > 1 ? probability(signs) : 0;
  return { signs: scaled([one], (1 - several) * (ignored.some(mayBeDigit(height)) ? PASSED_OVER : 1)), ...rest };
}

/** How probable signs are together, and signs that together are `by` times as probable: each by as much of that as it
 * has doubt of its own. @param {Sign[]} signs */
export const product = (signs, of = ({ probability }) => probability) => signs.reduce((all, it) => all * of(it), 1);
const doubt = ({ probability }) => 1 - probability + EVEN;
const scaled = (signs, by) =>
  signs.map((it) => ({ ...it, probability: it.probability * by ** (doubt(it) / sum(signs, doubt)) }));

/** Whether ink is as high as a digit may be, and whether it has about the size of one. */
const isHigh = (height) => (p) => p.height > LARGE * height;
const mayBeDigit = (height) => (p) => isHigh(height)(p) && p.side < TALL * height;

/** A row's signs: which ink each is, and what both networks make of it. @returns {Promise<Read>} */
async function readRow(row, { about, read }, look, odds) {
  const text = await read(row.grey, odds);
  const names = text.signs.map(({ name }) => name);
  const high = (least) => columns(row.pieces.filter((p) => p.height > least * row.height), 0);
  const more = names.includes(",") && high(LARGE).length > names.filter((name) => !(name in SMALL)).length;
  const across = high(more ? SMALL[","] : LARGE);
  const middles = aligned(text.signs.map(({ middle }) => row.left + middle), names, across, row.height);
  const { points, free, times: likelier } = passedPoints(row, middles, text);
  const { owned, rest, ruled } = matched({ ...row, pieces: row.pieces.filter((p) => !free.includes(p)) }, middles, names);
  const inks = owned.map((some, k) => (some.length ? union(some) : cell(row, middles, k)));
  const size = median(inks.filter((_, k) => WIDE.includes(names[k])).map((p) => p.height));
  const looks = await Array.fromAsync(inks, look);
  const agreed = names.map((name, k) => (owned[k].length && isDigit({ value: name }) ? looks[k].names[name] : null));
  const likeDollar = (k) => { // a dollar is a 5 that is higher above and lower below than all other digits are
    const others = inks.filter((_, j) => j !== k && owned[j].length && WIDE.includes(names[j]));
    if (names[k] !== "5" || (k && k < inks.length - 1) || !others.length) return null;
    const [height, ink] = [median(others.map((p) => p.height)), inks[k]];
    const beyond = (p) => Math.min(p.top - ink.top, ink.bottom - p.bottom) > BEYOND * height;
    if (!others.every(beyond) || ink.height >= WHOLE * height) return null;
    const likely = shaped(text.signs[k].names, inks[k], size);
    const changed = { ...likely, [OTHER]: Math.max(likely[OTHER], DOLLAR * likely["5"]) };
    return named(Object.keys(changed), Object.values(changed));
  };
  const plain = text.signs.map((it, k) => {
    const others = agreed.filter((value, n) => n !== k && value !== null);
    const known = others.length && Math.min(...others) > KNOWN;
    const word = it.name === OTHER && rest.some((p) => p.height > LARGE * inks[k].height); // it may be several letters
    const [own, lone, middle] = [owned[k].length > 0, owned.length === 1 && !word, middles[k]];
    const likely = own && !lone ? likeDollar(k) ?? shaped(it.names, inks[k], size) : it.names;
    return { ...fused(likely, looks[k], own, about, lone, lone || known ? 1 : TRUST), name: it.name, middle, own };
  });
  const next = ({ left, right }) => most([...middles.keys()], (k) => -Math.abs(middles[k] - (left + right) / 2));
  const passed = rest.filter(mayBeDigit(row.height)).filter((p) => names[next(p)] !== OTHER); // else it is in a word
  const missed = await Array.fromAsync(passed, look);
  const { found, times } = withMissed(plain, missed, text, about);
  const path = product(text.signs, ({ name, names }) => names[name]);
  const share = (text.probability(text.signs) / path) * (ruled ? PASSED_OVER : 1) * likelier;
  const every = scaled(found, Math.min(1, times * share));
  // Where ink stands out a point has some of its own, or it must be plain.
  const gone = every.filter((it) => owned.flat().length && !it.own && it.value in SMALL && it.probability <= POINT);
  const signs = scaled(every.filter((it) => !gone.includes(it)), product(gone, ({ probability }) => 1 - probability));
  const place = ({ piece }) => piece.left + piece.right;
  for (const it of points) signs.splice(signs.filter((other) => place(other) < place(it)).length, 0, it);
  const ignored = rest.filter((p) => found.every(({ piece }) => piece !== p));
  const made = { signs, ignored, pieces: [...row.pieces].sort((a, b) => a.left + a.right - b.left - b.right) };
  if (sum(row.pieces, (p) => p.side > 0.3 * row.height) > 1 || (owned.length === 1 && owned[0].length)) return made;
  // A row, or the digit that all of its ink may be, whichever is likelier.
  const [one, whole] = [await look(union(row.pieces)), signs.length && product(signs)];
  const [digit, several] = [one.probability * (1 - whole), whole * (1 - one.probability)];
  if (digit < several || !digit || !isRead(one)) return made;
  const probability = digit / (digit + several + (1 - one.probability) * (1 - whole));
  return { ...made, signs: [{ ...one, probability }], ignored: [] };
}

/** Points and colons between digits, of ink that stands free and is no sign, where they are likelier than not. */
function passedPoints({ pieces, height, grey, top }, middles, { signs, probability }) {
  let [whole, times] = [signs, 1];
  const [points, free] = [[], []];
  for (const [left, right] of columns(pieces, 0).reverse()) {
    const some = pieces.filter((p) => p.left >= left && p.left < right);
    const k = middles.filter((middle) => middle < (left + right) / 2).length;
    const between = k > 0 && k < signs.length && [k - 1, k].every((n) => isDigit({ value: signs[n].name }));
    if (!between || middles.some((middle) => middle >= left - 1 && middle <= right + 1)) continue;
    const low = (some[0].top + some[0].bottom) / 2 > top + FOOT * grey.height;
    const names = some.length === 2 ? [":"] : some.length === 1 && low ? [".", ","] : [];
    if (!names.length || some.some(({ side }) => side <= SMALLEST * height || side >= LARGEST * height)) continue;
    const texts = names.map((name) => whole.toSpliced(k, 0, { name }));
    const best = most([...texts.keys()], (n) => probability(texts[n]));
    const odds = probability(texts[best]) / Math.max(1e-30, probability(whole));
    const share = (FREE * odds) / (1 + FREE * odds);
    times *= share > 0.5 ? 1 + odds : 1 - share;
    if (share <= 0.5) continue;
    const [value, shares] = [names[best], { [names[best]]: share, [OTHER]: 1 - share }];
    whole = texts[best];
    free.push(...some);
    points.push({ value, probability: share, names: shares, piece: union(some) });
  }
  return { points, free, times };
}

/** The signs, with the ink that was passed over where it is plainly digits, and how much less probable that is: two
 * texts are possible, and each network has something to say of both. A point without ink gives way. */
function withMissed(signs, missed, { probability }, { classes }) {
  const plain = { found: signs, times: missed.length ? PASSED_OVER : 1 };
  const digits = missed.map((it) => ({ ...it, name: it.value, middle: (it.piece.left + it.piece.right) / 2 }));
  if (classes.join() !== DIGITS || [...signs, ...digits].some(({ name }) => name === OTHER)) return plain;
  const covered = ({ middle }) => missed.some(({ piece }) => piece.left <= middle && middle <= piece.right);
  const stay = signs.filter((sign) => sign.own || !(sign.name in SMALL) || !covered(sign));
  const found = [...digits, ...stay].sort((a, b) => a.middle - b.middle);
  const odds = probability(found) / Math.max(1e-30, probability(signs));
  const both = odds * product(digits, (it) => it.probability / Math.max(LEAST, it.names[OTHER]));
  return both > 1 ? { found, times: ((1 + odds) * both) / (1 + both) } : plain;
}

/** The middles of signs, moved into the columns of high ink: CTC knows the order of signs, not quite their places. The
 * cheapest way to share the signs out among the columns, by their widths, is found by dynamic programming. */
function aligned(middles, names, columns, height) {
  const high = [...names.keys()].filter((k) => !(names[k] in SMALL));
  if (!columns.length || (columns.length > high.length && !names.includes(OTHER))) return middles;
  const keep = (ways, done, cost, places) => {
    if (cost >= ways[done]?.cost) return ways;
    ways[done] = { cost, places };
    const low = ["+", OTHER].includes(names[high[done]]); // it may have no high ink
    return low ? keep(ways, done + 1, cost + WITHOUT, places) : ways;
  };
  const best = columns.reduce((ways, [left, right]) => {
    const following = []; // by how many signs are done
    ways.forEach(({ cost, places }, done) => {
      if (names.includes(OTHER)) keep(following, done, cost + NO_SIGN, places); // which may be several signs
      for (let count = 1; count <= Math.min(IN_COLUMN, high.length - done); count++) {
        const fresh = high.slice(done, done + count).map((k, n) => [k, left + ((n + 0.5) / count) * (right - left)]);
        const away = sum(fresh, ([k, place]) => Math.abs(middles[k] - place)) / height;
        const dear = away + 2 * Math.abs(count - Math.max(1, (right - left) / (WIDTH * height)));
        keep(following, done + count, cost + dear, [...places, ...fresh]);
      }
    });
    return following;
  }, keep([], 0, 0, []));
  const placed = new Map(best[high.length]?.places);
  return middles.map((middle, k) => {
    const near = Math.min(...[...placed.keys()].map((n) => Math.abs(n - k))); // the others go with their neighbours
    const beside = [...placed].filter(([n]) => Math.abs(n - k) === near).map(([n, place]) => place - middles[n]);
    return placed.get(k) ?? middle + sum(beside) / (beside.length || 1);
  });
}

/** Where pieces one above another, or less than `gap` apart, begin and end, from left to right. */
function columns(pieces, gap) {
  const found = [];
  for (const { left, right } of [...pieces].sort((a, b) => a.left - b.left))
    if (found.length && left < found.at(-1)[1] + gap) found.at(-1)[1] = Math.max(found.at(-1)[1], right);
    else found.push([left, right]);
  return found;
}

/** The pieces of each sign, none where it shares its ink with another one; and those that are no sign's. */
function matched({ pieces, height, grey, top }, middles, names) {
  const [owned, shared, rest] = [middles.map(() => []), new Set(), []];
  let ruled = false; // whether signs share ink that is far longer than they are, as on a line
  for (const p of [...pieces].sort((a, b) => a.width - b.width)) {
    const low = (p.top + p.bottom) / 2 > top + grey.height / 2; // such ink is a point's, if there is one
    const apart = (k) => Math.abs(middles[k] - (p.left + p.right) / 2);
    const away = (k) => apart(k) - (low && ".,".includes(names[k]) && apart(k) < REACH * height ? REACH * height : 0);
    const fit = [...middles.keys()].filter((k) => !(p.height > SMALL[names[k]] * height));
    const over = fit.filter((k) => middles[k] >= p.left - 1 && middles[k] <= p.right + 1);
    const nearest = most(fit, (k) => -away(k));
    const near = over.length || !(away(nearest) < REACH * height) ? over : [nearest];
    if (near.length === 1) owned[near[0]].push(p);
    else if (near.every((k) => owned[k].length)) rest.push(p); // along signs with ink of their own: a frame or a ruling
    else {
      for (const k of near) shared.add(k);
      ruled ||= p.width > RULED * near.length * Math.max(height, p.height);
    }
  }
  for (const [k, some] of owned.entries()) {
    // A sign is one piece of a digit's size: the one in whose middle it is.
    const across = columns(some.filter(isHigh(height)), APART * height);
    const [left, right] = most(across, ([begin, end]) => -Math.abs(begin + end - 2 * middles[k])) ?? [];
    const beside = (p) => across.length > 1 && (p.right <= left || p.left >= right);
    rest.push(...some.filter(beside));
    owned[k] = shared.has(k) ? [] : some.filter((p) => !beside(p));
  }
  return { owned, rest, ruled };
}

/** The ink of a sign that shares it, between the middles to its neighbours, or the place where there is none. */
function cell({ pieces, height, grey, top }, middles, k) {
  const { places, across } = union(pieces);
  const [middle, reach] = [middles[k], 0.9 * height];
  const left = rounded(Math.max(0, middle - reach, k ? (middles[k - 1] + middle) / 2 : 0));
  const right = Math.max(1, rounded(Math.min(across, middle + reach, (middle + (middles[k + 1] ?? Infinity)) / 2)));
  const own = places.filter((place) => place % across >= left && place % across < right);
  const above = Math.max(0, top + rounded((grey.height - height) / 2));
  return pieceOf(own.length ? own : [above * across + left, (above + height - 1) * across + right - 1], across);
}

/** The probabilities, by what a sign's own ink tells: commas are longer than wide, slashes and brackets than digits. */
function shaped(names, { height, width }, digit) {
  const factors = { ",": height < COMMA * width ? UNLIKE : 1 };
  for (const name of "/()") factors[name] = height > TALLER * digit ? LIKE : height < AS_TALL * digit ? UNLIKE : 1;
  if (width > LEANING * height) factors["/"] = Math.max(1, factors["/"]);
  return named(Object.keys(names), Object.entries(names).map(([name, value]) => value * (factors[name] ?? 1)));
}

/** A sign, from the probabilities of both networks; of the one for lines alone where the ink is not its own. A lone
 * digit is what the digits' network sees, and no more probable than it is to both in the mean. A digits' network with
 * other classes is asked alone wherever the one for lines sees a digit or something else. Else its probabilities are
 * raised to the power of `trust`. @param {Sign} seen by the digits' network @returns {Sign} */
function fused(names, seen, own, { classes }, lone, trust) {
  const plain = signOf({ ...seen, names });
  if (classes.join() !== DIGITS) return SIGNS.includes(plain.value) ? plain : seen;
  if (!own) return plain;
  const digit = isDigit(plain);
  const least = Math.min(seen.probability, names[seen.value]);
  if (lone && digit) return { ...seen, probability: (seen.probability + least) / 2 };
  const none = digit ? Math.max(NO_DIGIT, seen.names[OTHER]) : 1; // it makes no digit of what is a sign in a row
  const known = lone ? seen.names : { ...seen.names, [OTHER]: none }; // a lone sign may be no digit to it
  const trusted = (name) => Math.max(LEAST, known[name] ?? none) ** trust;
  const both = Object.entries(names).map(([name, value]) => value * trusted(name));
  return signOf({ ...seen, names: named(Object.keys(names), both) });
}

/** The likeliest sign of the names. @returns {Sign} */
function signOf({ names, piece, input }) {
  const value = most(Object.keys(names), (name) => names[name]);
  return { value, probability: names[value], names, piece, input };
}

/** A piece's ink with its soft edge, and without what else is in its box: 2 pixels larger on every side. */
function cutOut(p, sheet) {
  const [width, height, top, left, floor] = [p.width + 4, p.height + 4, p.top - 2, p.left - 2, 0.6 * LOW];
  let own = new Uint8Array(width * height);
  for (const k of p.places) own[(Math.floor(k / p.across) - top) * width + (k % p.across) - left] = 1;
  for (let times = p.height < 60 ? 1 : 2; times > 0; times--)
    own = own.map((it, k, all) => it | all[k - 1] | all[k + 1] | all[k - width] | all[k + width]); // edges are empty
  const ink = (k) => (at(sheet, left + (k % width), top + Math.floor(k / width)) - floor) / (1 - floor);
  return { data: Float32Array.from(own, (it, k) => (it ? Math.min(1, Math.max(0, ink(k))) : 0)), width, height };
}

export const isRead = ({ value }) => value !== OTHER;
export const isDigit = ({ value }) => !(SIGNS + OTHER).includes(value);

/** Whether there are digits in a row, and no more that is none: words have an l or an o. @param {Read} row */
export const isNumber = ({ signs }) => signs.some(isDigit) && sum(signs, isDigit) >= sum(signs, (it) => !isRead(it));

/** A row's signs as the numbers they make: parted where a gap is wide, and wider than most, or very wide. */
export function words(signs) {
  const gaps = signs.slice(1).map(({ piece }, k) => Math.max(0, piece.left - signs[k].piece.right));
  const height = median(signs.filter(isDigit).map(({ piece }) => piece.height));
  const usual = gaps.length > 2 ? median(gaps) : Math.min(...gaps);
  const least = Math.min(AWAY * height, Math.max(GAP * height, 2.2 * usual + 0.2 * height));
  const begins = [...signs.keys()].filter((k) => !k || gaps[k - 1] > least);
  return begins.map((begin, n) => signs.slice(begin, begins[n + 1]));
}
