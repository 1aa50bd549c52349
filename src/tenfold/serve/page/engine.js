/**
 * The engine that reads: the service that this page came from, asked over HTTP.
 *
 * A page that stands on a plain file server has another engine.js, with the same four exports.
 */

const TOKEN = "tenfold-token"; // the place in sessionStorage where the page keeps a token it was given

/** A request that was not answered as hoped. `message` is one line for the user. */
export class EngineError extends Error {
  /**
   * @param {string} message
   * @param {number} status of HTTP; 0 where the service cannot be reached
   * @param {number | null} retryAfter seconds after which it makes sense to ask again
   */
  constructor(message, status = 0, retryAfter = null) {
    super(message);
    this.name = "EngineError";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * What reads: classes, threshold, rejects, version, recipe, metrics, max_bytes, corrections, note.
 * @returns {Promise<object>}
 */
export async function model() {
  return ask("v1/model", {});
}

/**
 * Read a picture.
 * @param {Blob} picture a PNG, JPEG or whatever else the service decodes
 * @param {{single?: boolean, upright?: boolean, threshold?: number | null, signal?: AbortSignal | null}} how
 * @returns {Promise<object>} the text, and each digit with its box in pixels of the picture
 */
export async function read(picture, { single = false, upright = false, threshold = null, signal = null } = {}) {
  const query = new URLSearchParams({ details: "true" });
  if (single) query.set("single", "true");
  if (upright) query.set("upright", "true");
  if (threshold !== null) query.set("threshold", String(threshold));
  const headers = { "Content-Type": picture.type || "application/octet-stream" };
  return ask(`v1/read?${query}`, { method: "POST", headers, body: picture, signal });
}

/**
 * Save what a digit really is.
 * @param {{label: string, answer: string, input: string}} correction what it is, what was read, and the 28 x 28 input
 * @returns {Promise<{saved: string, count: number}>}
 */
export async function correct({ label, answer, input }) {
  const headers = { "Content-Type": "application/json" };
  return ask("v1/corrections", { method: "POST", headers, body: JSON.stringify({ label, answer, input }) });
}

async function ask(address, { headers = {}, ...more }) {
  const token = kept();
  let response, answer;
  try {
    response = await fetch(address, {
      ...more,
      cache: "no-store",
      headers: token === null ? headers : { ...headers, Authorization: `Bearer ${token}` },
    });
    answer = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new EngineError("The service cannot be reached.", 0);
  }
  const found = parsed(answer);
  if (response.ok && found !== null) return found;
  const message = typeof found?.error === "string" ? found.error : `The service answered ${response.status}.`;
  const wait = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  throw new EngineError(message, response.ok ? 502 : response.status, Number.isFinite(wait) ? Math.max(0, wait) : null);
}

function kept() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
