/** Both networks in onnxruntime-web, asked as tenfold's read/classifier.py and read/lines.py ask them. */

import { most, rounded, sum } from "./finding.js";

const CROP = 64; // pixels: larger digits are averaged down to it
const [BLOCK, NARROW] = [32, 12]; // pixels: the width of a line is filled up to a multiple, and is at least
export const OTHER = "?"; // the class of letters, of signs that numbers are not written with, of what is no digit
const here = (name) => new URL(name, import.meta.url).href;

/** @typedef {import("./finding.js").Plane} Plane */
/** @typedef {Record<string, number>} Names the probability of each class, by its name */
/** @typedef {{names: Names, input: Uint8Array}} Look with the 28 x 28 that the network sees */
/** The signs of a text, with the column of each, and how likely there are signs with some names and no others.
 * @typedef {{signs: {name: string, middle: number, names: Names}[], probability: (signs: object[]) => number}} Text */

/** What model.json tells, what the network for digits makes of some ink, and what the one for lines reads in a row, where
 * some signs are so many times as probable as elsewhere.
 * @returns {Promise<{about: object, look: (ink: Plane) => Promise<Look>, read: (row: Plane, odds?: Record<string, number>) => Promise<Text>}>} */
export async function load() {
  const about = await (await fetch(here("model.json"))).json();
  const ort = await import(here(`${about.runtime}/ort.wasm.min.mjs`));
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = here(`${about.runtime}/`);
  ort.env.wasm.numThreads = 1; // several need headers that a plain file server does not send
  const digits = await ort.InferenceSession.create(here("digits.onnx"));
  const lines = await ort.InferenceSession.create(here("lines.onnx"));
  const { height, step } = about.lines;

  async function look(ink) {
    const longest = Math.max(CROP, ink.width, ink.height);
    const [wide, high] = [ink.width, ink.height].map((side) => Math.max(1, rounded((side * CROP) / longest)));
    const small = resized(ink, wide, high, BOX, CROP, CROP);
    const { logits, normalised } = await digits.run({ image: new ort.Tensor("float32", small, [1, 1, CROP, CROP]) });
    // A softmax at the model's temperature; for a model that rejects the logit of "none" is 0.
    const values = [...logits.data].map((value) => value / about.temperature).concat(about.rejects ? 0 : -Infinity);
    const powers = values.map((value) => Math.exp(value - Math.max(...values)));
    const input = Uint8Array.from(normalised.data, (value) => rounded(255 * value));
    return { names: named([...about.classes, OTHER], powers), input };
  }

  async function read(row, odds = {}) {
    const width = Math.max(NARROW, rounded((row.width * height) / row.height));
    const across = Math.max(2, Math.ceil(width / BLOCK)) * BLOCK;
    const small = resized(row, width, height, row.height < 2 * height ? BILINEAR : BOX, across, height, true);
    const { scores } = await lines.run({
      image: new ort.Tensor("float32", small.map((grey) => 1 - grey / 255), [1, 1, height, across]),
      widths: new ort.Tensor("int64", BigInt64Array.of(BigInt(width)), [1]),
    });
    const [length, size] = [Math.ceil(width / step), scores.dims[2]];
    const prior = about.lines.classes.map((name) => Math.log(odds[name] ?? 1)).toSpliced(about.lines.blank, 0, 0);
    const own = Array.from({ length }, (_, k) => logSoftmax(prior.map((more, n) => more + scores.data[k * size + n])));
    return decoded(own, (step * row.width) / width, about.lines);
  }

  const nothing = { data: new Float32Array(CROP * CROP), width: CROP, height: CROP };
  await look(nothing); // the first run takes by far the longest
  await read(nothing);
  return { about, look, read };
}

/** Logarithms of probabilities that are 1 together. @param {number[]} logs */
const logSoftmax = (logs, all = Math.log(sum(logs, Math.exp))) => logs.map((log) => log - all);

export const named = (classes, powers) => Object.fromEntries(classes.map((name, k) => [name, powers[k] / sum(powers)]));

/** The likeliest path's text, from the logarithms of each step's probabilities; a step is `size` pixels wide.
 * @param {number[][]} scores @returns {Text} */
function decoded(scores, size, { classes, blank }) {
  const every = classes.toSpliced(blank, 0, ""); // with the blank
  const path = scores.map((score) => score.indexOf(Math.max(...score)));
  const begins = [...path.keys()].filter((t) => path[t] !== blank && path[t] !== path[t - 1]);
  const signs = begins.map((begin) => {
    let end = begin + 1;
    while (path[end] === path[begin]) end++;
    const clearest = most(scores.slice(begin, end), (score) => score[path[begin]]);
    const names = named(classes, [...clearest].map(Math.exp).toSpliced(blank, 1));
    return { name: every[path[begin]], middle: (size * (begin + end)) / 2, names };
  });
  // Summed over all alignments (A. Graves and others 2006, section 4.1).
  const probability = (text) => {
    const states = [blank, ...text.flatMap(({ name }) => [every.indexOf(name), blank])];
    let total = states.map((_, k) => (k ? 0 : 1));
    for (const score of scores)
      total = states.map((state, k) => {
        const skipped = k % 2 && state !== states[k - 2] ? (total[k - 2] ?? 0) : 0; // from a sign to another one
        return (total[k] + (total[k - 1] ?? 0) + skipped) * Math.exp(score[state]);
      });
    return sum(total.slice(-2));
  };
  return { signs, probability };
}

const BOX = { reach: 0.5, weight: (x) => Number(x > -0.5 && x <= 0.5) };
const BILINEAR = { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };

/** A plane in another size as Pillow's `Image.resize` makes it, with nothing on its right and below: of ink, or whole
 * `grey` values. Shares have 22 bits, as Pillow's have: by what they lack halves are rounded up or down. */
const resized = (from, width, height, kernel, across, down, grey) =>
  turned(turned(from, width, kernel, from.height, width, grey), height, kernel, across, down, grey).data;

/** Each row at another length, and the result turned: rows become columns, so that a second call does the columns. */
function turned({ data, width, height }, length, { reach, weight }, across, down, grey) {
  const made = new Float32Array(across * down).fill(grey ? 255 : 0);
  const [scale, wider] = [width / length, Math.max(1, width / length)];
  for (let x = 0; x < length; x++) {
    const centre = (x + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * wider + 0.5));
    const end = Math.min(width, Math.trunc(centre + reach * wider + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) => weight((first + k + 0.5 - centre) / wider));
    const whole = sum(weights);
    const shares = weights.map((share) => Math.round((share / whole) * 2 ** 22) / 2 ** 22);
    for (let y = 0; y < height; y++) {
      const value = sum(shares, (share, k) => share * data[y * width + first + k]);
      made[x * across + y] = grey ? Math.floor(value + 0.5) : value;
    }
  }
  return { data: made, width: across, height: down };
}
