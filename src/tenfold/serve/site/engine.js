// The page's engine for a site without a service: the models run in the browser, in a worker, so that drawing continues
// while a picture is read. Everything begins to load when the page does.

const WORK = 1600; // pixels: larger pictures are scaled down to this before they are read

export class EngineError extends Error {
  /** @param {string} message one line @param {number} status as HTTP has it, 0 when something cannot be loaded */
  constructor(message, status = 0, retryAfter = null) {
    super(message);
    Object.assign(this, { name: "EngineError", status, retryAfter });
  }
}

const reader = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const ready = new Promise((resolve, reject) => {
  reader.addEventListener("message", ({ data }) => (data.error ? reject(failed(data)) : resolve()), { once: true });
  reader.addEventListener("error", () => reject(failed({ error: "the model cannot be loaded" })));
});
ready.then(keep, () => {}); // whoever reads gets the failure

const failed = ({ error }) => new EngineError(`${error}: load the page again`);

/** When all is loaded: have the browser keep the site, so that it opens without a network. */
function keep() {
  navigator.serviceWorker?.register(new URL("offline.js", import.meta.url)).catch(() => {}); // it works without, too
}

/** What the model is, and what this engine can do. */
export async function model() {
  const answer = await fetch(new URL("model.json", import.meta.url)).catch(() => null);
  if (!answer?.ok) throw failed({ error: "the model's description cannot be loaded" });
  return answer.json();
}

let before = Promise.resolve(); // the reading under way; one that is not wanted any more does not begin

/** What is read in a drawing or a clean picture, as tenfold's service answers it; other pictures are an EngineError.
 * @param {Blob} blob @param {{single?: boolean, threshold?: number|null, signal?: AbortSignal|null}} options */
export async function read(blob, { single = false, threshold = null, signal = null } = {}) {
  const mine = before.then(async () => {
    signal?.throwIfAborted();
    const picture = await decoded(blob);
    await ready;
    signal?.throwIfAborted();
    return asked({ ...picture, single, threshold });
  });
  before = mine.catch(() => {});
  const reading = await mine;
  signal?.throwIfAborted();
  return reading;
}

function asked(question) {
  return new Promise((resolve, reject) => {
    reader.addEventListener(
      "message",
      ({ data }) => (data.error ? reject(new EngineError(data.error, data.status)) : resolve(data)),
      { once: true },
    );
    reader.postMessage(question, [question.pixels]);
  });
}

export async function correct() {
  throw new EngineError("this site has no service that could keep corrections", 404);
}

/** The pixels of a picture, turned as its EXIF data say, and opaque: laid on black if its ink is light, else on white.
 * @param {Blob} blob */
async function decoded(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" }).catch(() => {
    throw new EngineError("this is no picture, or of a kind that this browser does not know", 415);
  });
  const { width, height } = bitmap;
  const scale = Math.max(1, Math.max(width, height) / WORK);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width / scale));
  canvas.height = Math.max(1, Math.round(height / scale));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  let [weight, light] = [0, 0];
  for (let k = 0; k < data.length; k += 4) {
    weight += data[k + 3];
    light += ((data[k] + data[k + 1] + data[k + 2]) * data[k + 3]) / 3;
  }
  const ground = light > 127.5 * weight && weight < 0.95 * 255 * (data.length / 4) ? 0 : 255;
  for (let k = 0; k < data.length; k += 4)
    if (data[k + 3] < 255) {
      for (let c = 0; c < 3; c++) data[k + c] = ground + ((data[k + c] - ground) * data[k + 3]) / 255;
      data[k + 3] = 255;
    }
  return { pixels: data.buffer, across: canvas.width, width, height };
}
