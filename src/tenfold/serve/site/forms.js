/** Numbers as people write them, as tenfold's read/numbers.py and read/finding/forms.py have them. */

import { OTHER, named } from "./networks.js";
import { isNumber, isRead, words } from "./signs.js";

const ONE = String.raw`(\b\d+([.,]\d+)*|\(\d+([.,]\d+)*\))`; // a number, or one in brackets
const SUM = String.raw`[-+]?${ONE}([-+]?${ONE})*%?[.,]?-*`; // a number too, and what ends it
const [FRACTION, TIME] = [String.raw`\d{1,4}(/\d{1,4}){1,2}`, String.raw`\d{1,3}(:\d{1,3}){1,2}`];
const USUAL = RegExp(String.raw`^(${SUM}|${FRACTION}|${TIME}|\(-?${ONE}%\)|\d{1,2}\))$`);
const RARE = 50; // times as probable is a number of a usual form as one of another

/** @typedef {import("./signs.js").Sign} Sign */

/** Whether people write signs so: a number, a date, a time, a score, a fraction, a range, a sum. */
export const isUsual = (signs) => USUAL.test(signs.map(({ value }) => value).join(""));

/** A row in whose numbers one sign each is another one, where that makes a number of a usual form of it.
 * @param {import("./signs.js").Read} row */
export const usual = (row) => (isNumber(row) ? { ...row, signs: words(row.signs).flatMap(swapped) } : row);

/** @param {Sign[]} number */
function swapped(number) {
  if (isUsual(number) || !number.every(isRead)) return number;
  const ways = number.flatMap((sign, k) => {
    const now = sign.names[sign.value];
    const others = Object.entries(sign.names).filter(([name]) => name !== sign.value && name !== OTHER);
    const likely = others.filter(([, value]) => RARE * value > now);
    return likely.map(([value, odds]) => ({ odds: odds / now, made: number.with(k, { ...sign, value }), k, sign, value }));
  });
  const best = ways.sort((a, b) => b.odds - a.odds).find(({ made }) => isUsual(made));
  if (!best) return number;
  const { made, k, sign, value } = best;
  const names = { ...sign.names, [value]: RARE * sign.names[value] };
  const shares = named(Object.keys(names), Object.values(names));
  const probability = (sign.probability / sign.names[sign.value]) * shares[value];
  return made.with(k, { ...sign, value, probability, names: shares });
}
