/** Touching digits to slices, as tenfold's read/finding/segments.py cuts them. */

import { filled, resized, rounded } from "./ink.js";

export const CUT = 0.5; // the least cost of a cut
const SEAM = 48; // pixels of height, at which cuts are looked for

/**
 * A wide piece cut from top to bottom wherever that goes through little ink: for each pixel of its box the number of
 * its slice, and for each slice but the first what the cut on its left costs. Each cut is a seam, the cheapest path
 * from top to bottom near a column (S. Avidan, A. Shamir 2007), which can follow a slanted gap.
 * @param {import("./ink.js").Plane} soft the piece's ink
 * @returns {{numbers: Uint8Array, costs: number[]}}
 */
export function slices(soft) {
  const { width, height } = soft;
  const factor = Math.max(1, height / SEAM);
  const small = resized(soft, Math.max(2, rounded(width / factor)), Math.max(2, rounded(height / factor)));
  const darkest = small.data.reduce((a, b) => Math.max(a, b), 1e-6);
  const cost = filled(small.width, small.height, (k) => small.data[k] / darkest + 0.02);
  const found = seams(cost);
  const numbers = new Uint8Array(width * height);
  numbers.forEach((_, k) => {
    const row = Math.min(small.height - 1, Math.floor((Math.floor(k / width) / height) * small.height));
    const column = ((k % width) / width) * small.width;
    numbers[k] = found.filter(({ path }) => column > path[row] + 0.5).length;
  });
  return { numbers, costs: found.map(({ price }) => price) };
}

/**
 * Cheap paths from top to bottom, apart from each other, from left to right: a column for every row, and a price.
 * Digits that touch mostly do so in one place; a path that crosses two strokes more likely goes through a loop.
 */
function seams(cost) {
  const { width, height } = cost;
  const at = (y, x) => cost.data[y * width + x];
  const [down, up] = [accumulated(cost, 1), accumulated(cost, -1)];
  const middle = height >> 1;
  const through = Array.from({ length: width }, (_, x) => down[middle][x] + up[middle][x] - at(middle, x));
  const apart = Math.max(3, rounded(0.2 * height));
  const chosen = [];
  for (const column of [...through.keys()].sort((a, b) => through[a] - through[b])) {
    if (through[column] > 0.45 * height || chosen.length > (4 * width) / height) break;
    const inside = column >= apart >> 1 && column < width - (apart >> 1);
    if (inside && chosen.every((other) => Math.abs(column - other) >= apart)) chosen.push(column);
  }
  return chosen.sort((a, b) => a - b).map((column) => {
    const path = new Array(height).fill(column);
    for (const [step, table] of [[-1, down], [1, up]])
      for (let y = middle + step; y >= 0 && y < height; y += step) {
        const before = path[y - step];
        path[y] = [before - 1, before, before + 1]
          .filter((x) => x >= 0 && x < width)
          .reduce((a, b) => (table[y][b] < table[y][a] ? b : a));
      }
    const inked = path.map((x, y) => at(y, x) > 0.4);
    const crossings = inked.filter((here, y) => here && !inked[y - 1]).length;
    const share = inked.filter((here) => here).length / height;
    return { path, price: CUT + 1.2 * Math.max(0, crossings - 1) + 2 * share };
  });
}

/** The cost of the cheapest path to each pixel from the first row, or going up from the last: a step aside a row. */
function accumulated({ data, width, height }, step) {
  const total = Array.from({ length: height }, (_, y) => Float64Array.from(data.subarray(y * width, (y + 1) * width)));
  for (let y = step > 0 ? 1 : height - 2; y >= 0 && y < height; y += step) {
    const before = total[y - step];
    for (let x = 0; x < width; x++) {
      const aside = Math.min(before[x - 1] ?? Infinity, before[x + 1] ?? Infinity) + 0.05;
      total[y][x] += Math.min(before[x], aside);
    }
  }
  return total;
}
