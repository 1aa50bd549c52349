// The reader in a worker of its own: loads the models, then answers each picture as tenfold's read/reader.py does.

import { rounded, sheet, sum } from "./ink.js";
import { load } from "./networks.js";
import { OTHER, isNumber, isRead, product, read, words } from "./signs.js";

const UNCLEAN =
  "this page reads drawings and clean pictures, with ink on a ground of one colour; tenfold itself reads photos: " +
  "pip install tenfold";

const loaded = load();
loaded.then(
  () => postMessage({}),
  (error) => postMessage({ error: `the model cannot be loaded (${error.message})` }),
);

onmessage = async ({ data }) => {
  try {
    postMessage(await answer(data, await loaded));
  } catch (error) {
    postMessage({ error: `this picture cannot be read (${error.message})`, status: 500 });
  }
};

/** A reading of opaque pixels, `across` in a row, of a picture of `width` x `height` that may have been larger. */
async function answer({ pixels, across, width, height, single, threshold }, networks) {
  const data = new Uint8ClampedArray(pixels);
  const flat = sheet({ data, width: across, height: data.length / 4 / across });
  if (!flat) return { error: UNCLEAN, status: 422 };
  const every = await read(flat, networks, single);
  const box = (p) => {
    const sides = [p.left, p.top, Math.min(p.right, flat.width), Math.min(p.bottom, flat.height)];
    const [left, top, right, bottom] = sides.map((side) => rounded((side * width) / across));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  };
  const found = every.filter(isNumber).map((row, line) => {
    const shown = (sign, number) => ({ ...described(sign), box: box(sign.piece), sure: sign.sure, line, number });
    const parts = words(row.signs).map((word) => surely(word, threshold, networks.about));
    return parts.map((word, number) => word.map((sign) => shown(sign, number)));
  });
  const digits = found.flat(2);
  const between = digits.every((d) => Object.keys(d.probabilities).every((name) => name.length === 1)) ? "" : " ";
  const written = (word) => word.map((d) => (d.sure ? d.value : OTHER)).join(between);
  const lines = found.map((row) => row.map(written).join(" "));
  const letters = every.filter((row) => !isNumber(row)).flatMap(({ signs }) => signs.map(({ piece }) => piece));
  const ignored = [...letters, ...every.flatMap((row) => row.ignored)].map(box);
  const [text, least] = [lines.join("\n"), threshold ?? networks.about.threshold];
  return { path: null, text, lines, numbers: numbers(lines), width, height, threshold: least, digits, ignored };
}

// A number in brackets or not, its sign and what ends it; its whole part, in groups or not, and decimals, in two ways.
const WRITTEN = /^(\(?)([+-]?)([0-9.,]*[0-9])(?:%?[.,]?|[.,]?-+)(\)?)$/;
const WAYS = [/^(\d*|[1-9]\d{0,2}(?:,\d{3})+)(\.\d+)?$/, /^(\d*|[1-9]\d{0,2}(?:\.\d{3})+)(,\d+)?$/];

/** What can be understood as numbers in lines of text, and what they can mean, as tenfold's read/numbers.py has it. */
function numbers(lines) {
  return lines.flatMap((line) => line.split(" ")).flatMap((text) => {
    const [, open, sign, digits, close] = WRITTEN.exec(text) ?? [];
    if (!digits || !open !== !close) return [];
    const values = WAYS.flatMap((way) => {
      const [found, whole, decimals = ""] = way.exec(digits) ?? [];
      const plain = (whole ?? "").replace(/\D/g, "").replace(/^0+(?=\d)/, "") || "0";
      return found ? [sign.replace("+", "") + plain + decimals.replace(",", ".")] : [];
    });
    return values.length ? [{ text, values: [...new Set(values)].sort((a, b) => Math.abs(a) - Math.abs(b)) }] : [];
  });
}

/** Whether each sign of a number is sure: all if the number is, else those that would do if all were so. */
function surely(word, threshold, about) {
  const least = threshold ?? (word.length === 1 ? about.threshold : about.lines.threshold);
  const whole = word.every(isRead) && product(word.map(({ probability }) => probability)) >= least;
  return word.map((it) => ({ ...it, sure: isRead(it) && (whole || it.probability >= least ** (1 / word.length)) }));
}

/** What is told of a sign, wherever it is. @param {import("./signs.js").Sign} sign */
function described({ value, probability, names, input }) {
  const known = Object.entries(names).filter(([name]) => name !== OTHER);
  const none = Math.max(0, 1 - sum(known, ([, likely]) => likely));
  const probabilities = Object.fromEntries(known.map(([name, likely]) => [name, short(likely)]));
  const seen = btoa(String.fromCharCode(...input));
  return { value, probability: short(probability), probabilities, none: short(none), input: seen };
}

const short = (probability) => Math.round(probability * 1e4) / 1e4;
