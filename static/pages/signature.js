// Lets receivers sign with a finger: where a `.signature` is shown, its drawing goes into the form as a PNG.
import SignaturePad from "../vendor/signature_pad/signature_pad.js";

/** Make the signature fields of a part of the page work; each is sized once it is seen. */
export function openSignatures(part = document) {
  for (const box of part.querySelectorAll(".signature[hidden]")) {
    box.hidden = false;
    const details = box.closest("details");
    const open = () => {
      if (!details?.open || box.dataset.ready) return;
      box.dataset.ready = "yes";
      begin(box);
    };
    details?.addEventListener("toggle", open);
    open();
  }
}

function begin(box) {
  const canvas = box.querySelector("canvas");
  const field = box.querySelector("[name=signature]");
  const { width, height } = canvas.getBoundingClientRect();
  Object.assign(canvas, { width: Math.round(width), height: Math.round(height) });
  const pad = new SignaturePad(canvas, { backgroundColor: "#fff", penColor: "#000", minWidth: 1, maxWidth: 3 });
  pad.addEventListener("endStroke", () => { field.value = pad.toDataURL("image/png"); });
  const clear = () => { pad.clear(); field.value = ""; };
  box.querySelector("[data-clear]").addEventListener("click", clear);
  box.closest("form")?.addEventListener("reset", clear);
}
