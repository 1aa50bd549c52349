// Keeps the site in the browser, so that it opens without a network. What comes over the network is preferred, as the
// site may have been written anew; the runtime, whose folder names its version, is taken as it is kept.

const open = () => caches.open("tenfold");

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("fetch", (event) => {
  const { url, method } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event));
});

async function install() {
  const files = await (await fetch("files.json")).json();
  await (await open()).addAll(["./", "files.json", ...files]);
}

/** @param {FetchEvent} event */
async function answer(event) {
  const kept = await open();
  const old = await kept.match(event.request);
  if (old && event.request.url.includes("/onnxruntime-web-")) return old;
  try {
    const fresh = await fetch(event.request);
    if (fresh.ok) event.waitUntil(kept.put(event.request, fresh.clone()));
    return fresh;
  } catch (error) {
    if (old) return old;
    throw error;
  }
}
