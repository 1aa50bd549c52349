/** Both networks in onnxruntime-web, asked as tenfold's read/classifier.py and read/lines.py ask them. */

import { BILINEAR, BOX, most, resized, rounded, sum } from "./ink.js";

const CROP = 64; // pixels: larger digits are averaged down to it
const BLOCK = 32; // pixels: the width of a batch of lines is a multiple of it
const NARROW = 12; // pixels: the least width of a line
const here = (name) => new URL(name, import.meta.url).href;

/** @typedef {import("./ink.js").Plane} Plane */
/** @typedef {Record<string, number>} Names the probability of each class, by its name */
/** @typedef {{names: Names, none: number, input: Uint8Array}} Look with that of being none, and the 28 x 28 it sees */
/** @typedef {{probability: number, signs: {middle: number, names: Names}[]}} Text with the column of each sign */

/** What model.json tells, what the network for digits makes of inks, and what the one for lines reads in grey rows.
 * @returns {Promise<{about: object, looks: (inks: Plane[]) => Promise<Look[]>,
 *   texts: (greys: Plane[]) => Promise<Text[]>}>} */
export async function load() {
  const about = await (await fetch(here("model.json"))).json();
  const ort = await import(here(`${about.runtime}/ort.wasm.min.mjs`));
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = here(`${about.runtime}/`);
  ort.env.wasm.numThreads = 1; // several need headers that a plain file server does not send
  const digits = await ort.InferenceSession.create(here("digits.onnx"));
  const lines = await ort.InferenceSession.create(here("lines.onnx"));
  const { height, step } = about.lines;

  function batch(planes, high, wide) {
    const data = new Float32Array(planes.length * high * wide);
    for (const [n, plane] of planes.entries())
      parts(plane.data, plane.width).forEach((row, y) => data.set(row, (n * high + y) * wide));
    return new ort.Tensor("float32", data, [planes.length, 1, high, wide]);
  }

  async function looks(inks) {
    if (!inks.length) return [];
    const small = inks.map(shrunk);
    const side = Math.max(...small.flatMap((ink) => [ink.width, ink.height]));
    const { logits, normalised } = await digits.run({ image: batch(small, side, side) });
    const seen = parts(normalised.data, normalised.data.length / inks.length);
    return parts(logits.data, about.classes.length).map((given, k) => look(given, seen[k], about));
  }

  async function texts(greys) {
    const done = [];
    for (const grey of greys) {
      const ink = sized(grey, height);
      const { scores } = await lines.run({
        image: batch([ink], height, Math.max(2, Math.ceil(ink.width / BLOCK)) * BLOCK),
        widths: new ort.Tensor("int64", BigInt64Array.of(BigInt(ink.width)), [1]),
      });
      const own = parts(scores.data, scores.dims[2]).slice(0, Math.ceil(ink.width / step));
      done.push(decoded(own, (step * grey.width) / ink.width, about.lines));
    }
    return done;
  }

  const nothing = { data: new Float32Array(CROP * CROP), width: CROP, height: CROP };
  await looks([nothing]); // the first run takes by far the longest
  await texts([nothing]);
  return { about, looks, texts };
}

/** An array in parts of `count`, the last one shorter. @template T @param {T} all @returns {T[]} */
const parts = (all, count) =>
  Array.from({ length: Math.ceil(all.length / count) }, (_, k) => all.slice(k * count, (k + 1) * count));

/** Ink averaged down so that its longer side is at most `CROP`. @param {Plane} ink */
function shrunk(ink) {
  const longest = Math.max(ink.width, ink.height);
  const [width, height] = [ink.width, ink.height].map((side) => Math.max(1, rounded((side * CROP) / longest)));
  return longest <= CROP ? ink : resized(ink, width, height, BOX);
}

/** Grey values, dark ink on light paper, as ink from 0 to 1 of the model's height. @param {Plane} grey */
function sized(grey, height) {
  const width = Math.max(NARROW, rounded((grey.width * height) / grey.height));
  const kernel = grey.height < 2 * height ? BILINEAR : BOX;
  const small = resized(grey, width, height, kernel, (value) => Math.floor(value + 0.5));
  return { ...small, data: small.data.map((value) => 1 - value / 255) };
}

/** A softmax at the model's temperature; for a model that rejects the logit of "none" is 0. @returns {Look} */
function look(logits, seen, { classes, temperature, rejects }) {
  const values = [...logits].map((value) => value / temperature).concat(rejects ? 0 : -Infinity);
  const powers = values.map((value) => Math.exp(value - Math.max(...values)));
  const input = Uint8Array.from(seen, (value) => rounded(255 * value));
  return { names: named(classes, powers, sum(powers)), none: powers.at(-1) / sum(powers), input };
}

const named = (classes, powers, whole) => Object.fromEntries(classes.map((name, k) => [name, powers[k] / whole]));

/** The likeliest path's text, from the logarithms of each step's probabilities; a step is `size` pixels wide.
 * @param {Float32Array[]} scores @returns {Text} */
function decoded(scores, size, { classes, blank }) {
  const path = scores.map((score) => score.indexOf(Math.max(...score)));
  const begins = [...path.keys()].filter((t) => path[t] !== blank && path[t] !== path[t - 1]);
  const signs = begins.map((begin) => {
    let end = begin + 1;
    while (path[end] === path[begin]) end++;
    const clearest = most(scores.slice(begin, end), (score) => score[path[begin]]);
    const powers = [...clearest].map(Math.exp).toSpliced(blank, 1);
    return { middle: (size * (begin + end)) / 2, names: named(classes, powers, sum(powers)) };
  });
  // The probability of the text, summed over its alignments (A. Graves and others 2006, section 4.1).
  const states = [blank, ...begins.flatMap((begin) => [path[begin], blank])];
  let total = states.map((_, k) => (k ? 0 : 1));
  for (const score of scores)
    total = states.map((state, k) => {
      const skipped = k % 2 && state !== states[k - 2] ? (total[k - 2] ?? 0) : 0; // from a sign to another one
      return (total[k] + (total[k - 1] ?? 0) + skipped) * Math.exp(score[state]);
    });
  return { signs, probability: sum(total.slice(-2)) };
}
