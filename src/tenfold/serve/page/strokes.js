/**
 * Strokes: how they are kept, taken back, painted, and made a picture that can be read.
 *
 * A stroke is {width, points}: points a flat list x, y, x, y … on a sheet of 720 x 480, whatever its size on the
 * screen. So the same strokes make the same picture on every screen, in light and in dark.
 */

export const WIDTH = 720;
export const HEIGHT = 480;
const NEAR = 1; // of the sheet: points nearer than this to the last one tell nothing new

/**
 * The strokes on the sheet, with what is needed to take back and repeat each step, clearing included.
 */
export function history() {
  let past = [];
  let now = [];
  let future = [];
  const step = (strokes) => {
    past.push(now);
    now = strokes;
    future = [];
  };
  return {
    get strokes() {
      return now;
    },
    get undoable() {
      return past.length > 0;
    },
    get redoable() {
      return future.length > 0;
    },
    /** @param {{width: number, points: number[]}} stroke */
    add(stroke) {
      step([...now, stroke]);
    },
    clear() {
      if (now.length) step([]);
    },
    undo() {
      if (!past.length) return;
      future.push(now);
      now = past.pop();
    },
    redo() {
      if (!future.length) return;
      past.push(now);
      now = future.pop();
    },
  };
}

/**
 * Lengthen a stroke, unless the pen has hardly moved.
 * @returns {boolean} whether the stroke is longer
 */
export function extend(stroke, x, y) {
  const { points } = stroke;
  const [lastX, lastY] = points.slice(-2);
  if (points.length && Math.hypot(x - lastX, y - lastY) < NEAR) return false;
  points.push(x, y);
  return true;
}

/**
 * Paint strokes, smooth through the middles between their points.
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, points: number[]}[]} strokes
 * @param {string} colour
 * @param {number} scale pixels for a unit of the sheet
 */
export function paint(context, strokes, colour, scale) {
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.strokeStyle = context.fillStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const { width, points } of strokes) {
    context.beginPath();
    if (points.length === 2) {
      context.arc(points[0], points[1], width / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    context.lineWidth = width;
    context.moveTo(points[0], points[1]);
    for (let k = 2; k < points.length - 2; k += 2) {
      const [x, y, nextX, nextY] = points.slice(k, k + 4);
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    context.lineTo(points.at(-2), points.at(-1));
    context.stroke();
  }
}

let paper = null;

/**
 * The strokes in black on white, 720 x 480 pixels.
 * @returns {Promise<Blob>} a PNG file
 */
export async function picture(strokes) {
  if (paper === null) {
    paper = document.createElement("canvas");
    paper.width = WIDTH;
    paper.height = HEIGHT;
  }
  const context = paper.getContext("2d", { alpha: false, willReadFrequently: true });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, WIDTH, HEIGHT);
  paint(context, strokes, "#000", 1);
  return new Promise((resolve) => paper.toBlob(resolve, "image/png"));
}
