// Keeps the site in the browser, so that it opens without a network. What comes over the network is preferred, as the
// site may have been written anew; the runtime, whose folder names its version, is taken as it is kept.

const kept = caches.open("tenfold");

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("fetch", (event) => {
  const { url, method } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event));
});

async function install() {
  const files = await (await fetch("files.json")).json();
  await (await kept).addAll(["./", "files.json", ...files]);
}

async function answer(event) {
  const cache = await kept;
  const old = await cache.match(event.request);
  if (old && event.request.url.includes("/onnxruntime-web-")) return old;
  const fresh = await fetch(event.request).catch(() => null);
  if (fresh?.ok) event.waitUntil(cache.put(event.request, fresh.clone()));
  return fresh ?? old ?? Response.error();
}
