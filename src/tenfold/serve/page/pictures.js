/**
 * Pictures that somebody has already: chosen, photographed, dropped or pasted; and made smaller where they must be.
 */

const SIDES = [3200, 2400, 1600, 1000]; // pixels: the longer side, from what keeps fine writing to what is still read

/** A picture that cannot be sent; `message` is a sentence for the user. */
export class PictureError extends Error {}

/**
 * Listen for pictures that are dropped anywhere or pasted.
 * @param {object} heard {picture(file), nothing(message), hovering(whether a picture is held over the page)}
 */
export function followPictures(heard) {
  let depth = 0; // dragenter comes for every element on the way
  const files = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  const hover = (change) => {
    depth = change === null ? 0 : Math.max(0, depth + change);
    heard.hovering(depth > 0);
  };
  document.addEventListener("dragenter", (event) => {
    if (files(event)) hover(1);
  });
  document.addEventListener("dragleave", (event) => {
    if (files(event)) hover(-1);
  });
  document.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    hover(null);
    const file = pictureAmong(event.dataTransfer?.files);
    if (file) heard.picture(file);
    else heard.nothing("That is no picture file. Save the picture first, then drop the file here.");
  });
  document.addEventListener("paste", (event) => {
    const file = pictureAmong(event.clipboardData?.files);
    if (file) {
      event.preventDefault();
      heard.picture(file);
    } else if (!event.target.closest?.("input")) {
      heard.nothing("There is no picture to paste. Copy the picture itself, not its address.");
    }
  });
}

/** The first picture among files; the first file of a kind that the browser does not know, as photos of phones may be. */
function pictureAmong(files) {
  const all = [...(files ?? [])];
  return all.find((file) => file.type.startsWith("image/")) ?? all.find((file) => file.type === "") ?? null;
}

/**
 * A picture that is small enough to be sent: as it is, or made smaller here.
 * @param {Blob} picture
 * @param {number} most bytes
 * @returns {Promise<Blob>} Raises PictureError where it is too large and this browser cannot open it.
 */
export async function smallEnough(picture, most) {
  if (picture.size <= most) return picture;
  let opened;
  try {
    opened = await createImageBitmap(picture);
  } catch {
    throw new PictureError(
      `The picture has ${megabytes(picture.size)}, at most ${megabytes(most)} are read, and this browser cannot open it ` +
        "to make it smaller.",
    );
  }
  try {
    for (const side of SIDES) {
      const factor = Math.min(1, side / Math.max(opened.width, opened.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(opened.width * factor));
      canvas.height = Math.max(1, Math.round(opened.height * factor));
      const context = canvas.getContext("2d");
      context.fillStyle = "#fff"; // a JPEG file has no transparency
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(opened, 0, 0, canvas.width, canvas.height);
      const smaller = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.88));
      if (smaller && smaller.size <= most) return smaller;
    }
  } finally {
    opened.close();
  }
  throw new PictureError(`The picture is too large, even made smaller: at most ${megabytes(most)} are read.`);
}

function megabytes(bytes) {
  return bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
