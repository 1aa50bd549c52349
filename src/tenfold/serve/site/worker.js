// The reader in a worker of its own: loads the models, then answers each picture as tenfold's read/reader.py does.

import { rounded, sheet } from "./finding.js";
import { isUsual } from "./forms.js";
import { OTHER, load } from "./networks.js";
import { DIGITS, isNumber, isRead, product, read, words } from "./signs.js";

const WORK = 1600; // pixels: larger pictures are scaled down to this before they are read
const UNCLEAN = "this page reads drawings and clean pictures; tenfold itself reads photos: pip install tenfold";

const refused = (message, status) => Object.assign(new Error(message), { status });
const loaded = load().catch(({ message }) => {
  throw refused(`the model cannot be loaded (${message}): load the page again`, 0);
});

onmessage = async ({ data }) => {
  try {
    const networks = await loaded;
    postMessage(data ? await answer(data, networks) : {});
  } catch ({ message, status }) {
    const error = status === undefined ? `this picture cannot be read (${message})` : message;
    postMessage({ error, status: status ?? 500 });
  }
};

/** A reading, as the service answers it. @param {{blob: Blob, single: boolean, threshold: number | null}} question */
async function answer({ blob, single, threshold }, networks) {
  const { picture, width, height } = await decoded(blob);
  const flat = sheet(picture);
  if (!flat) throw refused(UNCLEAN, 422);
  const [{ about }, rows] = [networks, await read(flat, networks, single)];
  const box = (p) => {
    const [left, top, right, bottom] = [p.left, p.top, p.right, p.bottom].map((k) => rounded((k * width) / flat.width));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  };
  const shown = ({ value, probability, sure, names, input, piece }, line, number) => {
    const { [OTHER]: none = 0, ...probabilities } = names;
    const seen = btoa(String.fromCharCode(...input));
    return { value, probability, probabilities, none, sure, input: seen, box: box(piece), line, number };
  };
  const found = rows.filter(isNumber).map(({ signs }) => words(signs).map((word) => surely(word, threshold, about)));
  const digits = found.flatMap((row, k) => row.flatMap((word, n) => word.map((sign) => shown(sign, k, n))));
  const between = about.classes.every((name) => name.length === 1) ? "" : " ";
  const written = (word) => word.map(({ sure, value }) => (sure ? value : OTHER)).join(between);
  const lines = found.map((row) => row.map(written).join(" "));
  const ignored = rows.flatMap((row) => (isNumber(row) ? row.ignored : row.pieces)).map(box);
  const [text, least] = [lines.join("\n"), threshold ?? about.threshold];
  return { path: null, text, lines, numbers: numbers(lines), width, height, threshold: least, digits, ignored };
}

/** A picture's pixels on white paper, turned as its EXIF data say, and the size that it had. @param {Blob} blob */
async function decoded(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" }).catch(() => {
    throw refused("this is no picture, or of a kind that this browser does not know", 415);
  });
  const { width, height } = bitmap;
  const scale = Math.max(1, Math.max(width, height) / WORK);
  const size = [width, height].map((side) => Math.max(1, Math.round(side / scale)));
  const pen = new OffscreenCanvas(...size).getContext("2d", { alpha: false, willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, ...size);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, ...size);
  return { picture: pen.getImageData(0, 0, ...size), width, height };
}

// A number's sign, its digits and separators, and what ends it; as one that has points before its decimals.
const WRITTEN = /^([+-]?)([0-9.,]*[0-9])(?:%?[.,]?|[.,]?-+)$/;
const POINTED = /^(\d*|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?$/;

/** What can be understood as numbers in lines of text, and what they can mean, as tenfold's read/numbers.py has it. */
function numbers(lines) {
  return lines.flatMap((line) => line.split(" ")).flatMap((text) => {
    const [, sign, digits] = WRITTEN.exec(text.replace(/^\((.*)\)$/, "$1")) ?? [];
    if (!digits) return [];
    const swapped = digits.replace(/[.,]/g, (mark) => (mark === "." ? "," : "."));
    const known = [digits, swapped].filter((each) => POINTED.test(each));
    const values = known.map((each) => sign.replace("+", "") + `0${each}`.replaceAll(",", "").replace(/^0+(?=\d)/, ""));
    return known.length ? [{ text, values: [...new Set(values)].sort((a, b) => Math.abs(a) - Math.abs(b)) }] : [];
  });
}

/** Whether each sign of a number is sure: all if the number is, else those that would do if all were so. */
function surely(word, threshold, { classes, threshold: one, lines }) {
  const read = word.every(isRead);
  const rare = read && classes.join() === DIGITS && !isUsual(word);
  const least = Math.min(1, (rare ? 2 : 1) * (threshold ?? (word.length === 1 ? one : lines.threshold)));
  const whole = read && product(word) >= least;
  return word.map((it) => ({ ...it, sure: isRead(it) && (whole || it.probability >= least ** (1 / word.length)) }));
}
