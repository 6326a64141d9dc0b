// Makes photos small before they are kept on the device or sent: a phone's camera gives more pixels than anybody looks at.
const LONGEST = 1600; // pixels of the longest side
const QUALITY = 0.8;
const working = new Map(); // forms whose photo is being made small, and whether somebody has pressed their button meanwhile

/** Replace each photo that is chosen in a part of the page; a form that is sent meanwhile goes once its photo is ready. */
export function openPhotos(part) {
  part.addEventListener("change", async ({ target }) => {
    if (!target.matches("input[type=file]") || !target.files.length) return;
    const { form } = target;
    const state = { submitter: undefined };
    working.set(form, state);
    await replace(target);
    if (working.get(form) !== state) return; // another photo was chosen
    working.delete(form);
    if (state.submitter !== undefined) form.requestSubmit(state.submitter);
  });
  document.addEventListener("submit", (event) => {
    const state = working.get(event.target);
    if (!state) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    state.submitter = event.submitter;
  }, { capture: true });
}

/** Put smaller photos into a field. What cannot be decoded here stays as it is: the server says what is wrong with it. */
async function replace(field) {
  const files = [...field.files];
  const chosen = new DataTransfer();
  for (const file of files) chosen.items.add(await smaller(file)); // one after the other: each takes memory
  if (files.some((file, number) => field.files[number] !== file) || field.files.length !== files.length) return;
  field.files = chosen.files;
}

async function smaller(file) {
  try {
    const blob = await shrunk(file);
    return blob.size < file.size ? new File([blob], "photo.jpg", { type: blob.type }) : file;
  } catch {
    return file; // the photo goes as it is
  }
}

async function shrunk(file) {
  const picture = await createImageBitmap(file); // turned as the camera was held
  const share = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.max(1, Math.round(picture.width * share)), height: Math.max(1, Math.round(picture.height * share)) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // behind what is transparent, as a JPEG has no such thing
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY));
}
