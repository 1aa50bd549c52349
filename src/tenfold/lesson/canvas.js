// A canvas to draw a digit on: it sends strokes, and shows what the network saw and answered.
function render({ model, el }) {
  el.innerHTML = `
    <div style="display: flex; flex-wrap: wrap; gap: 20px; align-items: center; font: 14px system-ui, sans-serif">
      <div>
        <canvas class="page" width="280" height="280" role="img" aria-label="Draw a digit here, with the mouse, a finger or a pen"
          style="background: #fff; border: 1px solid #4b5563; touch-action: none; cursor: crosshair"></canvas><br>
        <button type="button">Clear</button>
      </div>
      <canvas class="seen" width="28" height="28" role="img" aria-label="What the network sees of it"
        style="width: 112px; background: #fff; image-rendering: pixelated; border: 1px solid #d1d5db"></canvas>
      <output style="white-space: pre; font-family: monospace">Draw a digit.</output>
    </div>`;
  const page = el.querySelector(".page"), seen = el.querySelector(".seen"), said = el.querySelector("output");
  const pen = page.getContext("2d");
  let strokes = [];

  const place = (event) => {
    const frame = page.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  };
  const draw = () => {
    pen.clearRect(0, 0, 280, 280);
    Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round" });
    for (const stroke of strokes) {
      pen.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) pen.lineTo(280 * x, 280 * y);
      pen.stroke();
    }
  };
  const send = () => {
    model.set("strokes", strokes);
    model.save_changes();
  };

  page.addEventListener("pointerdown", (event) => {
    page.setPointerCapture(event.pointerId);
    strokes = [...strokes, [place(event)]];
    draw();
  });
  page.addEventListener("pointermove", (event) => {
    if (!page.hasPointerCapture(event.pointerId)) return;
    strokes.at(-1).push(place(event));
    draw();
  });
  page.addEventListener("lostpointercapture", send);
  el.querySelector("button").addEventListener("click", () => {
    strokes = [];
    draw();
    send();
  });

  const show = () => {
    const image = seen.getContext("2d"), chances = model.get("chances");
    image.clearRect(0, 0, 28, 28);
    model.get("seen").forEach((ink, k) => {
      image.fillStyle = `rgb(0 0 0 / ${ink})`;
      image.fillRect(k % 28, Math.floor(k / 28), 1, 1);
    });
    const line = (chance, digit) => `${digit} ${"█".repeat(Math.round(20 * chance))} ${Math.round(100 * chance)} %`;
    said.textContent = chances.length ? chances.map(line).join("\n") : "Draw a digit.";
  };
  model.on("change:chances", show);
}

export default { render };
