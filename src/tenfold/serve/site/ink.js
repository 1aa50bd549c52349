/**
 * From colours to ink, as tenfold's read/finding/clean.py and read/finding/paper.py do it: the paper taken away, dark ink or light ink
 * alike.
 */

/** One value a pixel, row after row. @typedef {{data: Float32Array, width: number, height: number}} Plane */
/** A picture, opaque. @typedef {{data: Uint8ClampedArray, width: number, height: number}} Picture */
/**
 * A picture's ink. `flat` is how far each pixel differs from the paper. From `low` on a pixel is ink if it is joined to
 * one that is surely ink, which is one from `high` on; both are 0 for a blank sheet. `ink` is from 0 to 1, soft at its
 * edges. `zoom` are its pixels to one of the picture.
 * @typedef {{flat: Plane, ink: Plane, low: number, high: number, zoom: number}} Sheet
 */

const SAME = 2.5; // of 255: in a clean picture, colours no further apart are one
const FAR = 51; // of 255: and its strongest ink is at least this far from the ground
const [LOW, HIGH] = [0.3, 0.6]; // of the strongest: from here on it is ink, and surely ink
const MUCH = 0.4; // of the picture: more is no writing
const COARSE = 128; // pixels of the longer side, at which the paper of a photo is estimated
const TINY = 24; // pixels, at which it is decided whether the ink of a photo is dark or light
const REACH = 0.3; // of the shorter side: what is narrower than this, and unlike what is around it, is ink
const FAINT = 0.055; // of the paper's brightness: less than this is never ink
const TEXTURE = 0.7; // of the darkest: where noise reaches this, nothing stands out from it
export const SMALL = 112; // pixels: smaller pictures are enlarged to about this, so that strokes are wider than a pixel

const BOX = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
const LINEAR = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };
const CUBIC = {
  support: 2,
  weight: (x) => {
    const a = Math.abs(x);
    return a < 1 ? (1.5 * a - 2.5) * a * a + 1 : a < 2 ? ((-0.5 * a + 2.5) * a - 4) * a + 2 : 0;
  },
};

/**
 * The ink of a clean picture, strokes on a ground of one colour; null for another.
 * @param {Picture} picture
 * @returns {Sheet | null}
 */
export function clean({ data, width, height }) {
  const size = width * height;
  const [lowest, highest] = [new Int16Array(size), new Int16Array(size)]; // of the three colours, from the ground
  for (let k = 0; k < size; k++) {
    for (let c = 0; c < 3; c++) {
      const away = data[4 * k + c] - data[c];
      if (away < lowest[k]) lowest[k] = away;
      if (away > highest[k]) highest[k] = away;
    }
    const edge = k < width || k >= size - width || k % width === 0 || k % width === width - 1;
    if (edge && Math.max(-lowest[k], highest[k]) > SAME) return null;
  }
  const [below, above] = [-least(lowest), most(highest)];
  if (Math.min(below, above) > SAME || Math.max(below, above) < FAR) return null; // both sides, or neither
  const flat = filled(width, height, (k) => (below > above ? -lowest[k] / below : highest[k] / above));
  if (sum(flat.data.map((value) => value > LOW)) > MUCH * size) return null;
  return inked(flat, { low: LOW, high: HIGH, full: 1 }, 1);
}

/**
 * The ink of any picture: its paper is what remains when all that is narrow is closed by its surroundings.
 * @param {Picture} picture
 * @returns {Sheet}
 */
export function drawn({ data, width, height }) {
  const [longer, shorter] = [Math.max(width, height), Math.min(width, height)];
  let channels = [0, 1, 2].map((c) => filled(width, height, (k) => data[4 * k + c] / 255));
  const apart = (one, other) => most(one.data.map((value, k) => Math.abs(value - other.data[k])));
  const grey = apart(channels[0], channels[1]) < 0.02 && apart(channels[1], channels[2]) < 0.02;
  if (grey) channels = [channels[1]];
  const larger = Math.min(8, Math.ceil(SMALL / shorter), Math.max(1, Math.floor(1200 / longer)));
  const zoom = shorter < SMALL ? larger : 1;
  if (zoom > 1)
    channels = channels
      .map((channel) => resized(channel, zoom * width, zoom * height, CUBIC))
      .map((channel) => mapped(channel, (value) => Math.min(1, Math.max(0, value))));
  const dark = lopsided(channels) <= 0;
  const differences = channels.map((channel) => difference(channel, dark));
  const shares = differences.map((d) => 1e-12 + sum(d.data.map((value) => value * value))); // as ink shows in each
  const whole = sum(shares);
  let flat = mapped(differences[0], (_, k) => {
    let mixed = 0;
    for (let c = 0; c < shares.length; c++) mixed += (shares[c] / whole) * differences[c].data[k];
    return mixed;
  });
  if (zoom === 1 && longer > 500) flat = blurred(flat, 0.7);
  return inked(flat, thresholds(flat), zoom);
}

/** @returns {Sheet} */
function inked(flat, { low, high, full }, zoom) {
  const floor = 0.6 * low;
  const ink = mapped(flat, (value) => (high ? Math.min(1, Math.max(0, (value - floor) / (full - floor))) : 0));
  return { flat, ink, low, high, zoom };
}

/** Whether what differs most from its surroundings is brighter (above 0) or darker: the third moment. */
function lopsided(channels) {
  const small = channels.map((channel) => shrunk(channel, TINY));
  const all = mapped(small[0], (_, k) => sum(small.map((channel) => channel.data[k])) / small.length);
  const window = odd(0.6 * Math.min(all.width, all.height));
  const around = filtered(all, window, window, median);
  return sum(all.data.map((value, k) => (value - around.data[k]) ** 3));
}

/** How far a channel is from its paper, for dark ink relative to the paper's brightness. */
function difference(channel, dark) {
  const values = dark ? channel : mapped(channel, (value) => 1 - value);
  const { data: paper } = surroundings(values);
  return mapped(values, (value, k) => Math.max(0, paper[k] - value) / (dark ? Math.max(0.2, paper[k]) : 1));
}

/** The paper, from a small copy: grey-scale closing (J. Serra 1982). */
function surroundings(values) {
  const small = filtered(shrunk(values, COARSE), 3, 3, median);
  const window = odd(REACH * Math.min(small.width, small.height));
  const square = (from, pick) => filtered(filtered(from, window, 1, pick), 1, window, pick);
  return resized(blurred(square(square(small, most), least), window / 4), values.width, values.height, LINEAR);
}

/** Where ink begins: above the noise; what is surely ink, where N. Otsu's method (1979) cuts the rest in two. */
function thresholds(flat) {
  const [stepX, stepY] = [flat.width, flat.height].map((length) => Math.max(1, Math.floor(length / 500)));
  const sample = [];
  for (let y = 0; y < flat.height; y += stepY)
    for (let x = 0; x < flat.width; x += stepX) sample.push(flat.data[y * flat.width + x]);
  const sorted = Float32Array.from(sample).sort();
  const [quarter, middle] = [0.25, 0.5].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
  const faintest = Math.max(FAINT, middle + (4.5 * (middle - quarter)) / 0.6745);
  const above = flat.data.filter((value) => value > faintest).sort();
  if (above.length < 6 || faintest > TEXTURE * above.at(-1)) return { low: 0, high: 0, full: 1 };
  const cut = otsu(above);
  const inside = above.filter((value) => value > cut);
  const full = Math.max(inside.length ? median(inside) : cut, 1.2 * faintest);
  const high = Math.max(faintest, Math.min(cut, 0.6 * full));
  return { low: Math.max(faintest, 0.5 * high), high, full };
}

/** The value that parts sorted ones into two classes with the least variance inside them. */
function otsu(sorted) {
  const bins = 128;
  const [first, range] = [sorted[0], sorted.at(-1) - sorted[0]];
  if (range === 0) return first;
  const counts = new Float64Array(bins);
  for (const value of sorted) counts[Math.min(bins - 1, Math.floor(((value - first) / range) * bins))]++;
  const sums = counts.map((count, k) => count * (k + 0.5));
  const [all, whole] = [sorted.length, sum(sums)];
  let [below, before] = [0, 0];
  const between = counts.map((count, k) => {
    [below, before] = [below + count, before + sums[k]];
    return below < all ? below * (all - below) * (before / below - (whole - before) / (all - below)) ** 2 : 0;
  });
  const best = most(between) * (1 - 1e-9);
  const tied = [...between.keys()].filter((k) => between[k] >= best); // the middle of several that are as good
  return first + ((Math.floor(sum(tied) / tied.length) + 1) / bins) * range;
}

/** @param {number} width @param {number} height @param {(k: number) => number} of @returns {Plane} */
export function filled(width, height, of = () => 0) {
  const data = new Float32Array(width * height);
  for (let k = 0; k < data.length; k++) data[k] = of(k);
  return { data, width, height };
}

/** Another function of each value. @param {Plane} from @param {(value: number, k: number) => number} of */
function mapped({ data, width, height }, of) {
  return { data: data.map(of), width, height };
}

/** Averaged down so that the longer side is at most `side` pixels. @param {Plane} from @param {number} side */
export function shrunk(from, side) {
  const longest = Math.max(from.width, from.height);
  if (longest <= side) return from;
  const [width, height] = [from.width, from.height].map((length) => Math.max(1, rounded((length * side) / longest)));
  return resized(from, width, height, BOX);
}

/** The nearest whole number, and of two the even one, as Python's `round`. */
export function rounded(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** The resampling of Pillow's `Image.resize` for floats. @returns {Plane} */
export function resized(from, width, height, kernel = BOX) {
  return gathered(gathered(from, plan(from.width, width, kernel)), plan(from.height, height, kernel));
}

/** For each place of a length of `after` the first one it is made of, and the share of that and those after it. */
function plan(before, after, { support, weight }) {
  const scale = before / after;
  const wider = Math.max(1, scale);
  return Array.from({ length: after }, (_, k) => {
    const centre = (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * wider + 0.5));
    const end = Math.min(before, Math.trunc(centre + support * wider + 0.5));
    const shares = Array.from({ length: end - first }, (_, j) => weight((first + j + 0.5 - centre) / wider));
    const whole = sum(shares);
    return [first, shares.map((share) => share / whole)];
  });
}

/** Blurred with a bell of that standard deviation; beyond the edges all is as it is there. @returns {Plane} */
function blurred(from, deviation) {
  const reach = Math.round(4 * deviation);
  const bell = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / deviation) ** 2));
  const whole = sum(bell);
  const folded = (length) =>
    Array.from({ length }, (_, at) => {
      const first = Math.max(0, at - reach);
      const shares = new Array(Math.min(length, at + reach + 1) - first).fill(0);
      bell.forEach((share, k) => (shares[Math.min(length - 1, Math.max(0, at + k - reach)) - first] += share / whole));
      return [first, shares];
    });
  return gathered(gathered(from, folded(from.width)), folded(from.height));
}

/**
 * Each place of each row as a weighted sum over the row, and the result turned: rows become columns, so that a second
 * call does the columns and turns it back.
 */
function gathered({ data, width, height }, plan) {
  const turned = filled(height, plan.length);
  plan.forEach(([first, shares], x) => {
    for (let y = 0; y < height; y++) {
      let gathered = 0;
      for (let k = 0; k < shares.length; k++) gathered += shares[k] * data[y * width + first + k];
      turned.data[x * height + y] = gathered;
    }
  });
  return turned;
}

/**
 * Ink (1) with its gaps of up to 2 * `reach` pixels closed: all that is near it, without what is near none of that.
 * @param {Uint8Array} own @param {number} width @param {number} height @param {number} reach
 */
export function closed(own, width, height, reach) {
  const [across, down] = [width + 2 * reach, height + 2 * reach]; // room on every side
  const roomy = new Uint8Array(across * down);
  own.forEach((value, k) => (roomy[(Math.floor(k / width) + reach) * across + (k % width) + reach] = value));
  const wider = counted(counted(roomy, across, reach, 1), down, reach, 1);
  const done = counted(counted(wider, across, reach, 2 * reach + 1), down, reach, 2 * reach + 1);
  return own.map((_, k) => done[(Math.floor(k / width) + reach) * across + (k % width) + reach]);
}

/** Whether `enough` of the places up to `reach` to the left and right are 1; rows become columns. */
function counted(own, width, reach, enough) {
  const height = own.length / width;
  const turned = new Uint8Array(own.length);
  for (let y = 0; y < height; y++)
    for (let x = -reach, count = 0; x < width; x++) {
      if (x + reach < width) count += own[y * width + x + reach];
      if (x > reach) count -= own[y * width + x - reach - 1];
      if (x >= 0) turned[x * height + y] = count >= enough;
    }
  return turned;
}

/** What `pick` makes of the values in a window around each place; beyond the edges all is as it is there. */
function filtered({ data, width, height }, across, down, pick) {
  const values = new Float32Array(across * down);
  return filled(width, height, (k) => {
    const [left, top] = [(k % width) - (across >> 1), Math.floor(k / width) - (down >> 1)];
    for (let j = 0; j < down; j++) {
      const row = Math.min(height - 1, Math.max(0, top + j)) * width;
      for (let i = 0; i < across; i++) values[j * across + i] = data[row + Math.min(width - 1, Math.max(0, left + i))];
    }
    return pick(values);
  });
}

const odd = (length) => Math.max(3, Math.floor(length) | 1);
const median = (values) => values.sort()[values.length >> 1];
const least = (values) => folded(values, Infinity, (a, b) => (b < a ? b : a));
const most = (values) => folded(values, -Infinity, (a, b) => (b > a ? b : a));
const sum = (values) => folded(values, 0, (a, b) => a + b);

function folded(values, first, of) {
  let found = first;
  for (let k = 0; k < values.length; k++) found = of(found, values[k]);
  return found;
}
