/**
 * The sheet to write digits on, and how it is cut into digits: strokes one above another are of one.
 */

import { followKeys, followPointers } from "./pen.js";
import { HEIGHT, WIDTH, extend, history, paint } from "./strokes.js";

const SIDE = 80; // pixels, the longer side of a digit's picture
const MOST = 8;
const ABOVE = 0.25; // of the narrower one: how far strokes of one digit stand one above another

const the = (id) => document.getElementById(id);

/**
 * Let the user write.
 * @param {{changed(strokes: object[]): void, say(text: string): void}} on told when a stroke is done or taken back
 */
export function sheet(on) {
  const canvas = the("sheet");
  const steps = history();
  let live = null;
  let ink = "#000";
  let painting = 0;

  const repaint = () => {
    painting ||= requestAnimationFrame(() => {
      painting = 0;
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      paint(context, live ? [...steps.strokes, live] : steps.strokes, ink, canvas.width / WIDTH);
    });
  };
  const fit = () => {
    canvas.width = Math.round(canvas.getBoundingClientRect().width * devicePixelRatio);
    canvas.height = Math.round((canvas.width * HEIGHT) / WIDTH);
    repaint();
  };
  const colour = () => {
    ink = getComputedStyle(canvas).color;
    repaint();
  };
  const drawn = () => {
    const focused = document.activeElement;
    the("undo").disabled = !steps.undoable;
    the("redo").disabled = !steps.redoable;
    the("clear").disabled = !steps.strokes.length;
    if (focused?.disabled) canvas.focus(); // else the keyboard's place on the page would be lost
    the("invitation").hidden = steps.strokes.length > 0 || live !== null;
    repaint();
  };
  const hand = {
    down(x, y) {
      live = { width: Number(the("width").value), points: [x, y] };
      drawn();
    },
    move(x, y) {
      if (live && extend(live, x, y)) repaint();
    },
    up() {
      if (!live) return;
      steps.add(live);
      live = null;
      drawn();
      on.changed(steps.strokes);
    },
  };
  const change = (how) => {
    if (live) hand.up();
    steps[how]();
    drawn();
    on.changed(steps.strokes);
  };

  followKeys(canvas, {
    ...hand,
    point(x, y, down) {
      const pen = the("pen");
      pen.style.left = `${(100 * x) / WIDTH}%`;
      pen.style.top = `${(100 * y) / HEIGHT}%`;
      if (pen.dataset.down !== undefined && pen.dataset.down !== String(down)) on.say(down ? "Pen down" : "Pen up");
      pen.dataset.down = String(down);
    },
    undo: () => change("undo"),
    clear: () => change("clear"),
  });
  followPointers(canvas, hand);
  for (const how of ["undo", "redo", "clear"]) the(how).addEventListener("click", () => change(how));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.matches?.("input, select")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    change(key === "y" || event.shiftKey ? "redo" : "undo");
  });
  new ResizeObserver(fit).observe(canvas);
  addEventListener("resize", fit); // zooming changes the pixels, and not the size
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", colour);
  }
  colour();
}

/** The strokes of each digit, from left to right, and no more than a network is asked of. */
export function inDigits(strokes) {
  const groups = strokes.map((stroke) => ({ strokes: [stroke], ...extent(stroke) }));
  for (let k = 0; k < groups.length; k++) {
    for (let other = k + 1; other < groups.length; other++) {
      const [a, b] = [groups[k], groups[other]];
      const shared = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      if (shared < ABOVE * Math.min(a.right - a.left, b.right - b.left)) continue;
      groups[k] = {
        strokes: [...a.strokes, ...b.strokes],
        left: Math.min(a.left, b.left),
        right: Math.max(a.right, b.right),
        top: Math.min(a.top, b.top),
        bottom: Math.max(a.bottom, b.bottom),
      };
      groups.splice(other, 1);
      other = k; // the wider one may now stand above others
    }
  }
  return groups.sort((a, b) => a.left - b.left).slice(0, MOST);
}

function extent({ width, points }) {
  const xs = points.filter((_, k) => k % 2 === 0);
  const ys = points.filter((_, k) => k % 2);
  const half = width / 2;
  return {
    left: Math.min(...xs) - half,
    right: Math.max(...xs) + half,
    top: Math.min(...ys) - half,
    bottom: Math.max(...ys) + half,
  };
}

/** A digit as a picture: {width, height, ink}, a byte of ink for each pixel in base64. */
export function picture({ strokes, left, right, top, bottom }) {
  const scale = SIDE / Math.max(right - left, bottom - top);
  const canvas = document.createElement("canvas");
  const width = (canvas.width = Math.max(1, Math.ceil((right - left) * scale)));
  const height = (canvas.height = Math.max(1, Math.ceil((bottom - top) * scale)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const moved = strokes.map((stroke) => ({
    width: stroke.width,
    points: stroke.points.map((at, k) => at - (k % 2 ? top : left)),
  }));
  paint(context, moved, "#000", scale);
  const { data } = context.getImageData(0, 0, width, height);
  let text = "";
  for (let k = 3; k < data.length; k += 4) text += String.fromCharCode(data[k]);
  return { width, height, ink: btoa(text) };
}
