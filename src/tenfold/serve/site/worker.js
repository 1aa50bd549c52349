// The reader in a worker of its own: loads the model, then answers each picture with a reading.

import { find } from "./finding.js";
import { shrunk } from "./ink.js";

const CROP = 64; // pixels: a digit's crop is a square of this side
const BATCH = 64; // crops that are classified at once
const here = (name) => new URL(name, import.meta.url).href;

const loaded = load();
loaded.then(
  () => postMessage({}),
  (error) => postMessage({ error: `the model cannot be loaded (${error.message})` }),
);

async function load() {
  const described = await (await fetch(here("model.json"))).json();
  const ort = await import(here(`${described.runtime}/ort.wasm.min.mjs`));
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = here(`${described.runtime}/`);
  ort.env.wasm.numThreads = 1; // several need headers that a plain file server does not send
  const session = await ort.InferenceSession.create(here("digits.onnx"));
  const blank = new ort.Tensor("float32", new Float32Array(CROP * CROP), [1, 1, CROP, CROP]);
  await session.run({ image: blank }); // the first run takes by far the longest
  return { described, ort, session };
}

onmessage = async ({ data }) => {
  try {
    postMessage(await read(data, await loaded));
  } catch (error) {
    postMessage({ error: `this picture cannot be read (${error.message})` });
  }
};

/** A reading of opaque pixels, `across` in a row, of a picture of `width` x `height` that may have been larger. */
async function read({ pixels, across, width, height, single, threshold }, { described, ort, session }) {
  const data = new Uint8ClampedArray(pixels);
  const picture = { data, width: across, height: data.length / 4 / across };
  const { rows, leftOut, sheet } = await find(picture, (inks) => classified(inks, described, ort, session), single);
  const scale = width / across / sheet.zoom;
  const box = ({ piece }) => {
    const [left, top] = [piece.left, piece.top].map((side) => Math.round(side * scale));
    const [right, bottom] = [piece.right, piece.bottom].map((side) => Math.round(side * scale));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  };
  const least = threshold ?? described.threshold;
  const digits = rows.flatMap((row, line) =>
    row.flatMap((word, number) =>
      word.map((segment) => ({
        value: described.classes[segment.best],
        probability: rounded(segment.probabilities[segment.best]),
        box: box(segment),
        sure: segment.probabilities[segment.best] >= least,
        line,
        number,
        probabilities: Object.fromEntries(described.classes.map((name, k) => [name, rounded(segment.probabilities[k])])),
        none: rounded(segment.none),
        input: btoa(String.fromCharCode(...segment.input)),
      })),
    ),
  );
  const between = described.classes.every((name) => name.length === 1) ? "" : " ";
  const ofNumber = (line, number) => digits.filter((d) => d.line === line && d.number === number);
  const written = (some) => some.map((d) => (d.sure ? d.value : "?")).join(between);
  const lines = rows.map((row, line) => row.map((_, number) => written(ofNumber(line, number))).join(" "));
  const text = lines.join("\n");
  return { path: null, text, lines, width, height, threshold: least, digits, left_out: leftOut.map(box) };
}

const rounded = (probability) => Math.round(probability * 1e4) / 1e4;

/** For each digit's ink the probabilities of the classes and of being none, and what the network sees.
 * A softmax at the model's temperature; for a model that rejects the logit of "none" is 0.
 * @param {import("./ink.js").Plane[]} inks */
async function classified(inks, { classes, temperature, rejects }, ort, session) {
  const done = [];
  for (let first = 0; first < inks.length; first += BATCH) {
    const some = inks.slice(first, first + BATCH);
    const batch = new Float32Array(some.length * CROP * CROP);
    some.forEach((ink, n) => {
      const small = shrunk(ink, CROP);
      for (let y = 0; y < small.height; y++)
        batch.set(small.data.subarray(y * small.width, (y + 1) * small.width), (n * CROP + y) * CROP);
    });
    const image = new ort.Tensor("float32", batch, [some.length, 1, CROP, CROP]);
    const { logits, normalised } = await session.run({ image });
    some.forEach((_, n) => {
      const given = logits.data.subarray(n * classes.length, (n + 1) * classes.length);
      const values = [...Array.from(given, (value) => value / temperature), ...(rejects ? [0] : [])];
      const highest = Math.max(...values);
      const powers = values.map((value) => Math.exp(value - highest));
      const total = powers.reduce((sum, power) => sum + power, 0);
      const probabilities = powers.slice(0, classes.length).map((power) => power / total);
      const none = rejects ? powers.at(-1) / total : 0;
      const grey = normalised.data.subarray(n * 784, (n + 1) * 784);
      const input = Uint8Array.from(grey, (value) => Math.round(value * 255));
      done.push({ probabilities, none, best: probabilities.indexOf(Math.max(...probabilities)), input });
    });
  }
  return done;
}
