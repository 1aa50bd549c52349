/** From a clean picture to ink, as tenfold's read/finding/clean.py finds it; to other sizes, as Pillow makes them. */

/** One value a pixel, row after row. @typedef {{data: Float32Array, width: number, height: number}} Plane */

const SAME = 2.5 / 255; // of full brightness: colours no further apart are one
const EDGES = 0.9; // of the edges have the ground's colour; tenfold is content with less, as it can look in other ways
const FAR = 0.2; // of full brightness: the strongest ink is at least this far from the ground
const MOST = 0.6; // of the picture: more is no writing
export const [LOW, HIGH] = [Math.fround(0.3), Math.fround(0.6)]; // of the strongest: it is ink, and surely ink
const BRIGHTNESS = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/**
 * How far each pixel is from the ground, the strongest ink as 1, and less than LOW in a picture of one colour; null
 * where the picture, which is opaque, is not clean. The ground is the commonest colour of the four edges.
 * @returns {Plane | null}
 */
export function sheet({ data, width, height }) {
  const size = width * height;
  const across = Array.from({ length: width }, (_, x) => x);
  const down = Array.from({ length: height }, (_, y) => y * width);
  const edges = [...across, ...across.map((k) => size - width + k), ...down, ...down.map((k) => k + width - 1)];
  const counts = new Map();
  for (const colour of edges.map((k) => data[4 * k] + 256 * data[4 * k + 1] + 65_536 * data[4 * k + 2]))
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const [ground] = most([...counts], ([, count]) => count);
  const [brighter, darker] = [new Float32Array(size), new Float32Array(size)];
  for (let k = 0; k < size; k++)
    for (let c = 0; c < 3; c++) {
      const away = BRIGHTNESS[data[4 * k + c]] - BRIGHTNESS[(ground >> (8 * c)) & 255];
      if (away > brighter[k]) brighter[k] = away;
      if (-away > darker[k]) darker[k] = -away;
    }
  if (sum(edges, (k) => Math.max(brighter[k], darker[k]) <= SAME) < EDGES * edges.length) return null;
  const [above, below] = [brighter, darker].map((side) => side.reduce((a, b) => Math.max(a, b)));
  const strongest = Math.max(above, below);
  if (Math.min(above, below) > SAME || (strongest > SAME && strongest < FAR)) return null;
  const flat = (below > above ? darker : brighter).map((value) => value / Math.max(strongest, FAR));
  return sum(flat, (value) => value > LOW) > MOST * size ? null : { data: flat, width, height };
}

const PRECISION = 2 ** 22; // of a share of a pixel
export const BOX = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
export const BILINEAR = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };

/** The resampling of Pillow's `Image.resize`; `kept` is what it keeps of a value after each of its two steps. */
export function resized(from, width, height, kernel, kept = (value) => value) {
  return turned(turned(from, width, kernel, kept), height, kernel, kept);
}

/** Each row at another length, and the result turned: rows become columns, so that a second call does the columns. */
function turned({ data, width, height }, length, { support, weight }, kept) {
  const made = new Float32Array(length * height);
  const [scale, wider] = [width / length, Math.max(1, width / length)];
  for (let x = 0; x < length; x++) {
    const centre = (x + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * wider + 0.5));
    const end = Math.min(width, Math.trunc(centre + support * wider + 0.5));
    const shares = Array.from({ length: end - first }, (_, k) => weight((first + k + 0.5 - centre) / wider));
    const exact = shares.map((share) => Math.round((share / sum(shares)) * PRECISION) / PRECISION);
    for (let y = 0; y < height; y++)
      made[x * height + y] = kept(sum(exact, (share, k) => share * data[y * width + first + k]));
  }
  return { data: made, width: height, height: length };
}

/** The nearest whole number, and of two the even one, as Python's `round`. */
export function rounded(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

export function sum(values, of = (value) => value) {
  let [total, k] = [0, 0];
  for (const value of values) total += of(value, k++);
  return total;
}

/** The value of which `of` is most, the first of several; undefined of none. */
export const most = (values, of) => values.reduce((a, b) => (of(b) > of(a) ? b : a), values[0]);
