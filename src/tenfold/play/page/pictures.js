/**
 * What is painted: curves, minds and filters, sharp on any screen, in the colours of the page.
 */

const MARGIN = { left: 44, right: 30, top: 8, bottom: 26 };
const GAP = 22; // between accuracy and loss
const LEAST = 0.001; // of errors, that the axis shows
const POINTS = 400; // of a curve that are drawn
const NAME = 14; // pixels from the name of a line to the next
const AROUND = 4; // points before and after, of which the line that is drawn strong is the mean

/** The page's colours, by their names in the stylesheet. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const found = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["ink", "soft", "line", "edge", "blue", "doubt", "paper", "want", "shun"].map((n) => [n, found(n)]));
}

/** A canvas as large as it is shown, in pixels of the screen. Returns its context in CSS pixels, and its size. */
function fitted(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const [wide, high] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

/* Accuracy and loss */

// Accuracy by its errors, on a logarithmic scale: from 90 to 99 % is as far as from 0 to 90 %.
const ACCURACY = {
  title: "accuracy",
  ticks: [0, 0.5, 0.9, 0.95, 0.99, 0.995, 0.999],
  text: (value) => `${Number((100 * value).toFixed(1))}%`,
  place: (value) => Math.log10(Math.max(LEAST, 1 - value)) / Math.log10(LEAST),
};
const LOSS = {
  title: "loss",
  ticks: [3, 1, 0.3, 0.1, 0.03, 0.01],
  text: String,
  place: (value) => (Math.log10(Math.min(5, Math.max(0.005, value))) - Math.log10(0.005)) / 3,
};

/**
 * Paint the curves.
 * @param {HTMLCanvasElement} canvas
 * @param {{curve: number[][], validated: number[][], total: number, name: string}[]} tracks rows of digits seen, loss and
 *     accuracy; how many digits are seen in all
 * @param {number | null} marked the digits seen at the moment that is looked at
 */
export function paintCurves(canvas, tracks, marked) {
  const [context, width, height] = fitted(canvas);
  const colour = colours();
  const total = Math.max(1, ...tracks.map((track) => track.total));
  const high = (height - MARGIN.top - MARGIN.bottom - GAP) / 2;
  const x = (seen) => MARGIN.left + (seen / total) * (width - MARGIN.left - MARGIN.right);
  context.font = "12px " + getComputedStyle(canvas).fontFamily;
  context.lineJoin = "round";
  [ACCURACY, LOSS].forEach((axis, k) => {
    const top = MARGIN.top + k * (high + GAP);
    const y = (value) => top + (1 - axis.place(value)) * high;
    grid(context, axis, y, [MARGIN.left, width - MARGIN.right], colour);
    const names = tracks.map((track, number) => {
      const rows = thinned(track.curve.map(([seen, loss, accuracy]) => [seen, k ? loss : accuracy]).filter((row) => row[1] !== null));
      const ends = track.validated.map(([seen, loss, accuracy]) => [seen, k ? loss : accuracy]).filter((row) => row[1] !== null);
      return line(context, rows, ends, { x, y, colour: number ? colour.doubt : colour.blue, paper: colour.paper, name: track.name });
    });
    label(context, names.filter((one) => one?.name));
  });
  axisOf(context, total, x, height, colour);
  if (marked !== null) {
    context.strokeStyle = colour.ink;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x(marked), MARGIN.top);
    context.lineTo(x(marked), height - MARGIN.bottom);
    context.stroke();
    context.setLineDash([]);
  }
}

function grid(context, axis, y, [left, right], colour) {
  context.lineWidth = 1;
  context.textBaseline = "middle";
  let before = Infinity;
  for (const value of axis.ticks) {
    const at = Math.round(y(value)) + 0.5;
    context.strokeStyle = colour.line;
    context.beginPath();
    context.moveTo(left, at);
    context.lineTo(right, at);
    context.stroke();
    if (Math.abs(before - at) < 13) continue;
    before = at;
    context.fillStyle = colour.soft;
    context.textAlign = "right";
    context.fillText(axis.text(value), left - 7, at);
  }
  const falling = axis === LOSS; // whose corner is free then
  context.textAlign = falling ? "right" : "left";
  context.fillStyle = colour.soft;
  context.fillText(axis.title, falling ? right - 6 : left + 6, y(axis.ticks.at(falling ? 0 : -1)) + 9);
}

function line(context, rows, ends, { x, y, colour, paper, name }) {
  if (!rows.length) return null;
  context.strokeStyle = context.fillStyle = colour;
  context.globalAlpha = 0.28;
  context.lineWidth = 1;
  stroke(context, rows, x, y);
  context.globalAlpha = 1;
  context.lineWidth = 2;
  const smooth = rows.map(([seen], k) => {
    const reach = Math.min(AROUND, k, rows.length - 1 - k);
    return [seen, mean(rows.slice(k - reach, k + reach + 1))];
  });
  stroke(context, smooth, x, y);
  for (const [seen, value] of ends) {
    context.beginPath();
    context.arc(x(seen), y(value), 4.5, 0, 2 * Math.PI);
    context.fillStyle = paper;
    context.fill();
    context.stroke();
  }
  const [seen, value] = ends.at(-1)?.[0] === rows.at(-1)[0] ? ends.at(-1) : smooth.at(-1);
  return { name, colour, x: x(seen) + 8, y: y(value) };
}

/** Write the names at the ends of the lines, apart from each other. */
function label(context, names) {
  const [first, second] = names.sort((a, b) => a.y - b.y);
  const close = second && Math.abs(first.x - second.x) < 16 ? Math.max(0, NAME - (second.y - first.y)) / 2 : 0;
  context.textAlign = "left";
  names.forEach(({ name, colour, x, y }, k) => {
    context.fillStyle = colour;
    context.fillText(name, x, y + (k ? close : -close));
  });
}

const mean = (rows) => rows.reduce((sum, row) => sum + row[1], 0) / rows.length;

/** The rows, or means of some at a time where there are more than can be told apart. */
function thinned(rows) {
  const together = Math.ceil(rows.length / POINTS);
  if (together < 2) return rows;
  const parts = Array.from({ length: Math.ceil(rows.length / together) }, (_, k) => rows.slice(k * together, (k + 1) * together));
  return parts.map((part) => [part.at(-1)[0], mean(part)]);
}

function stroke(context, rows, x, y) {
  context.beginPath();
  rows.forEach(([seen, value], k) => context[k ? "lineTo" : "moveTo"](x(seen), y(value)));
  context.stroke();
}

function axisOf(context, total, x, height, colour) {
  const step = [1, 2, 5].flatMap((one) => [1e2, 1e3, 1e4, 1e5, 1e6].map((ten) => one * ten)).sort((a, b) => a - b)
    .find((one) => total / one <= 5) ?? total;
  context.fillStyle = colour.soft;
  context.textBaseline = "alphabetic";
  context.textAlign = "right";
  context.fillText("digits seen", x(total), height - 6);
  const free = x(total) - context.measureText("digits seen").width - 8;
  context.textAlign = "center";
  for (let seen = 0; seen <= total; seen += step) {
    const text = seen >= 1000 ? `${seen / 1000}k` : String(seen);
    if (x(seen) + context.measureText(text).width / 2 < free) context.fillText(text, x(seen), height - 6);
  }
}

/* Minds */

const LABEL = 22; // pixels for a class's name
const NOW = 0.3; // of the width, for how sure it is now

/**
 * Paint what a network thought of a digit: a row for each class, the past from left to right, then a bar for now.
 * @param {HTMLCanvasElement} canvas
 * @param {{seen: number, levels: Uint8Array}[]} past
 * @param {number[]} now probabilities
 * @param {{total: number, names: string[], second: boolean, marked: number | null}} how
 */
export function paintMind(canvas, past, now, { total, names, second, marked }) {
  const [context, width, height] = fitted(canvas);
  const colour = colours();
  const row = height / names.length;
  const left = LABEL;
  const right = width * (1 - NOW) - 8;
  const best = now.length ? now.indexOf(Math.max(...now)) : -1;
  context.textBaseline = "middle";
  const strong = second ? colour.doubt : colour.blue;
  const x = (seen) => left + (right - left) * Math.min(1, seen / Math.max(1, total));
  names.forEach((name, k) => {
    const top = k * row;
    context.font = `${k === best ? 700 : 400} ${Math.min(11, row)}px ${getComputedStyle(canvas).fontFamily}`;
    context.fillStyle = k === best ? colour.ink : colour.soft;
    context.textAlign = "right";
    context.fillText(name.slice(0, 3), left - 6, top + row / 2);
    context.globalAlpha = 0.6;
    context.fillStyle = colour.line;
    context.fillRect(left, top + row - 1, right - left, 1);
    context.fillRect(right + 8, top + row - 1, width - right - 8, 1);
    context.globalAlpha = 1;
    if (!now.length) return;
    context.fillStyle = k === best ? strong : colour.edge;
    context.fillRect(right + 8, top + 1, Math.max(1, (width - right - 8) * now[k]), row - 3);
  });
  context.fillStyle = strong;
  const pixel = (at) => Math.round(x(at) * devicePixelRatio) / devicePixelRatio;
  past.forEach(({ seen, levels }, at) => {
    const [from, to] = [pixel(seen), pixel(past[at + 1]?.seen ?? seen + total / 100)];
    if (to <= from) return; // there are more than pixels
    levels.forEach((level, k) => {
      if (level < 3) return;
      context.globalAlpha = level / 255;
      context.fillRect(from, k * row + 1, to - from, row - 2);
    });
  });
  context.globalAlpha = 1;
  if (marked !== null) {
    context.fillStyle = colour.ink;
    context.fillRect(x(marked), 0, 1, height);
  }
}

/** Paint a digit as the network sees it, 28 x 28 bytes, ink on the page's paper. */
export function paintDigit(canvas, levels) {
  const side = Math.round(Math.sqrt(levels.length));
  paintLevels(canvas, levels, side, side, (level) => [0, 0, 0, level]);
}

/**
 * Paint weights: where a filter wants ink, and where it wants none.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} levels 128 is none
 */
export function paintFilter(canvas, levels, height, width) {
  const colour = colours();
  const [want, shun] = [rgb(colour.want), rgb(colour.shun)];
  paintLevels(canvas, levels, height, width, (level) => {
    const weight = Math.min(1, Math.abs(level - 128) / 127);
    return [...(level > 128 ? want : shun), Math.round(255 * weight)];
  });
}

function paintLevels(canvas, levels, height, width, colourOf) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  levels.forEach((level, k) => image.data.set(colourOf(level), 4 * k));
  context.putImageData(image, 0, 0);
}

function rgb(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
