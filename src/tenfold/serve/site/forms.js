/** Numbers as people write them, as tenfold's read/numbers.py and read/finding/forms.py have them. */

import { OTHER, named } from "./networks.js";
import { isNumber, isRead, words } from "./signs.js";

const ONE = String.raw`(\b\d+([.,]\d+)*|\(\d+([.,]\d+)*\))`; // a number, or one in brackets
const [AMOUNT, SUM] = [String.raw`([1-9]\d?\))?[-+]?${ONE}%?[.,]?-*`, String.raw`[-+]?${ONE}([-+]?${ONE})+%?`];
const [FRACTION, TIME] = [String.raw`\d{1,4}(/\d{1,4}){1,2}`, String.raw`\d{1,3}(:\d{1,3}){1,2}`];
const USUAL = RegExp(String.raw`^(${AMOUNT}|${SUM}|${FRACTION}|${TIME}|\(-?${ONE}%\)|\d{1,2}\))$`);
const RARE = 50; // times as probable is a number of a usual form as one of another
const [MANY, MOST] = [5, 0.8]; // numbers of digits alone, and their share of all others, where a sign is rare
const PLACES = 2; // in a number, more or less

/** @typedef {import("./signs.js").Sign} Sign */

/** Whether people write signs so: a number, a date, a time, a score, a fraction, a range, a sum. */
export const isUsual = (signs) => USUAL.test(textOf(signs));
const textOf = (signs) => signs.map(({ value }) => value).join("");
const isPlain = (signs) => /^\d*$/.test(textOf(signs));

/** Which rows have signs that are no digits, where most other numbers are digits alone, and how rare signs are there.
 * @param {import("./signs.js").Read[]} rows */
export function oddOf(rows) {
  const every = rows.filter(isNumber).flatMap(({ signs }) => words(signs));
  const plain = every.filter(isPlain).length;
  const few = plain < Math.max(MANY, MOST * (every.length - 1));
  const odd = few ? [] : [...rows.keys()].filter((k) => isNumber(rows[k]) && !isPlain(rows[k].signs));
  return { odd, rare: PLACES * plain };
}

/** Rows in whose numbers one sign each is another one, where that makes a number of a usual form of it.
 * @param {import("./signs.js").Read[]} rows */
export function usual(rows) {
  const changed = (row) => ({ ...row, signs: words(row.signs).flatMap(swapped) });
  return rows.map((row) => (isNumber(row) ? changed(row) : row));
}

/** @param {Sign[]} number */
function swapped(number) {
  if (isUsual(number) || !number.every(isRead)) return number;
  let best = { odds: 1, made: number };
  for (const [k, sign] of number.entries())
    for (const [value, share] of Object.entries(sign.names)) {
      if (value === sign.value || value === OTHER) continue;
      const other = number.with(k, { ...sign, value });
      const odds = (RARE * share) / sign.names[sign.value];
      if (!(odds > best.odds) || !isUsual(other)) continue;
      const names = { ...sign.names, [value]: RARE * share };
      const shares = named(Object.keys(names), Object.values(names));
      const probability = (sign.probability / sign.names[sign.value]) * shares[value];
      best = { odds, made: number.with(k, { ...sign, value, probability, names: shares }) };
    }
  return best.made;
}
