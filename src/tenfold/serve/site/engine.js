// The page's engine for a site without a service: the models run in the browser, in a worker, so that drawing continues
// while a picture is read. Everything begins to load when the page does.

export class EngineError extends Error {
  /** @param {string} message one line @param {number} status as HTTP has it, 0 when something cannot be loaded */
  constructor(message, status = 0) {
    super(message);
    Object.assign(this, { name: "EngineError", status });
  }
}

const reader = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const ready = asked(null); // answered when all is loaded
let before = Promise.resolve(); // the reading under way; one that is not wanted any more does not begin

// Then the browser is to keep the site, so that it opens without a network; it works without that, too.
ready.then(() => navigator.serviceWorker?.register(new URL("offline.js", import.meta.url))).catch(() => {});

function asked(question) {
  return new Promise((resolve, reject) => {
    reader.onmessage = ({ data }) => (data.error ? reject(new EngineError(data.error, data.status)) : resolve(data));
    reader.onerror = () => reject(new EngineError("the model cannot be loaded: load the page again"));
    reader.postMessage(question);
  });
}

/** What the model is, and what this engine can do. */
export async function model() {
  const answer = await fetch(new URL("model.json", import.meta.url)).catch(() => null);
  if (!answer?.ok) throw new EngineError("the model's description cannot be loaded: load the page again");
  return answer.json();
}

/** What is read in a drawing or a clean picture, as tenfold's service answers it; other pictures are an EngineError.
 * @param {Blob} blob @param {{single?: boolean, threshold?: number|null, signal?: AbortSignal|null}} options */
export async function read(blob, { single = false, threshold = null, signal = null } = {}) {
  const mine = Promise.all([ready, before]).then(() => {
    signal?.throwIfAborted();
    return asked({ blob, single, threshold });
  });
  before = mine.catch(() => {});
  return mine;
}

export const correct = () => Promise.reject(new EngineError("this site cannot keep corrections", 404));
