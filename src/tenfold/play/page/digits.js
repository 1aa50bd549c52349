/**
 * How what was written is cut into digits: strokes one above another are of one.
 */

import { paint } from "./strokes.js";

const SIDE = 80; // pixels, the longer side of a digit's picture
const MOST = 8;
const ABOVE = 0.25; // of the narrower one: how far strokes of one digit stand one above another

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
