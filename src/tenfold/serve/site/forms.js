/** Numbers as people write them, as tenfold's read/numbers.py and read/finding/forms.py have them. */

import { sum } from "./finding.js";
import { OTHER, named } from "./networks.js";
import { SIGNS, isNumber, isRead, words } from "./signs.js";

const ONE = String.raw`(\b\d+([.,]\d+)*|\(\d+([.,]\d+)*\))`; // a number, or one in brackets
const [AMOUNT, SUM] = [String.raw`([1-9]\d?\))?[-+]?${ONE}%?[.,]?-*`, String.raw`[-+]?${ONE}([-+]?${ONE})+%?`];
const [FRACTION, TIME] = [String.raw`\d{1,4}(/\d{1,4}){1,2}`, String.raw`\d{1,3}(:\d{1,3}){1,2}`];
const USUAL = RegExp(String.raw`^(${AMOUNT}|${SUM}|${FRACTION}|${TIME}|\(-?${ONE}%\)|\d{1,2}\))$`);
const RARE = 50; // times as probable is a number of a usual form as one of another
const DATE = String.raw`\d{1,2}([-./])\d{1,2}\2\d{2}(\d\d)?|\d{4}([-./])\d\d\4\d\d`;
// A date, a time, or an amount with thousands and cents: among numbers it stays one.
const FORMED = RegExp(String.raw`^(${DATE}|([01]\d|2[0-3]):[0-5]\d|[1-9]\d{0,2}(,\d{3}\.|\.\d{3},)\d\d)$`);
const CHANCE = { 8: 6e-4, 10: 1.2e-5 }; // of numbers with so many digits are dates with ones for slashes
const LEAST = 1e-6; // the probability of a sign that is seen nowhere
const PLACES = 5; // of a number at most
const SELDOM = 0.3; // times as probable as elsewhere, or as improbable: a row is read again where a sign is that

/** @typedef {import("./signs.js").Sign} Sign */

/** Whether people write signs so: a number, a date, a time, a score, a fraction, a range, a sum. */
export const isUsual = (signs) => USUAL.test(textOf(signs));
const textOf = (signs) => signs.map(({ value }) => value).join("");

/** The rows with a sign that the other numbers on the page lack, or without one that they have, as prices a point.
 * And how many times as probable each sign is there.
 * @param {import("./signs.js").Read[]} rows @returns {[number, Record<string, number>][]} */
export function expected(rows) {
  const every = rows.map((row) => (isNumber(row) ? words(row.signs).map(textOf) : []));
  return [...every.keys()].flatMap((k) => {
    const [own, others] = [every[k], every.toSpliced(k, 1).flat()];
    const odds = Object.fromEntries([...SIGNS, OTHER].map((sign) => [sign, oddsOf(sign, others)]));
    const lacking = (sign) => odds[sign] > 1 / SELDOM && own.some((text) => !text.includes(sign));
    const extra = own.some((text) => !FORMED.test(text) && [...text].some((sign) => odds[sign] < SELDOM));
    return extra || Object.keys(odds).some(lacking) ? [[k, odds]] : [];
  });
}

function oddsOf(sign, others) {
  const having = others.filter((text) => text.includes(sign)).length;
  const [share, rest] = [having + 0.5, others.length - having + 0.5];
  if (share > rest) return share / rest;
  if (having) return share / others.length;
  // One that no other number has is as probable as a place of those, or a kind of number that was met once.
  const kinds = others.map((text) => [...SIGNS, OTHER].filter((name) => text.includes(name)).join(""));
  const once = kinds.filter((kind) => kinds.indexOf(kind) === kinds.lastIndexOf(kind)).length / Math.max(1, others.length);
  return Math.max(once, 1 / Math.max(1, sum(others, (text) => Math.min(PLACES, text.length))));
}

/** Rows in whose numbers ones are the slashes of a date, or one sign each is another, where that is likelier.
 * @param {import("./signs.js").Read[]} rows */
export function usual(rows) {
  const changed = (row) => ({ ...row, signs: words(row.signs).flatMap((number) => dated(number) ?? swapped(number)) });
  return rows.map((row) => (isNumber(row) ? changed(row) : row));
}

/** A number as a date, in which slashes as upright as ones may be; null where it is likelier none. @param {Sign[]} number */
function dated(number) {
  const parts = textOf(number).match(/^(\d\d)[1/](\d\d)[1/]((19|20)?\d\d)$/);
  const [low, high] = parts ? [+parts[1], +parts[2]].sort((a, b) => a - b) : [0, 0];
  if (!low || low > 12 || high > 31) return null;
  const odds = [2, 5].reduce((all, k) => (all * number[k].names["/"]) / Math.max(LEAST, number[k].names["1"]), 1);
  const share = Math.sqrt(odds / (odds + CHANCE[number.length])); // that both are, half of it for each
  const slash = (it) => {
    const probability = (it.probability / it.names[it.value]) * share;
    return { ...it, value: "/", probability, names: { ...it.names, "/": share, 1: 1 - share } };
  };
  return share ** 2 < 0.5 ? null : number.map((it, k) => (k === 2 || k === 5 ? slash(it) : it));
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
