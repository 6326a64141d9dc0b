// The page on which somebody asks for help: the phone's position, and suggestions for places.
import { placeField } from "../console/place_field.js";
import "./sent_once.js";

const form = document.getElementById("help");
const locate = document.getElementById("locate");
const told = document.getElementById("told");
const towed = document.getElementById("towed");
const field = (name) => form.elements.namedItem(name);
const tell = (text) => { told.textContent = text || ""; };
const ROUGH = 500; // metres
const KEPT = "depannini.request";

const places = {};
for (const name of ["pickup", "dropoff"]) {
  places[name] = placeField(field(name), {
    url: form.dataset.places, tell, near: () => (places.pickup ? places.pickup.point() : null), changed: () => {},
  });
}

// --- The phone's position --------------------------------------------------------------------------------------------
async function found({ coords }) {
  const { latitude, longitude, accuracy } = coords;
  const metres = Math.max(1, Math.round(accuracy));
  places.pickup.set([latitude, longitude], `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`);
  const text = metres > ROUGH ? form.dataset.tRough : form.dataset.tFound;
  tell(text.replace("{metres}", metres.toLocaleString(`${document.documentElement.lang}-u-nu-latn`)));
  const query = new URLSearchParams({ at: `${latitude.toFixed(6)},${longitude.toFixed(6)}` });
  const answer = await fetch(`${form.dataset.places}?${query}`).catch(() => null);
  const name = answer && answer.ok ? (await answer.json()).name : "";
  if (name && places.pickup.point()?.[0].toFixed(4) === latitude.toFixed(4)) field("pickup").value = name;
}

function notFound(error) {
  tell(error.code === error.PERMISSION_DENIED ? form.dataset.tDenied : form.dataset.tUnknown);
}

if (navigator.geolocation && window.isSecureContext) {
  locate.hidden = false;
  locate.addEventListener("click", () => {
    tell(form.dataset.tSearching);
    navigator.geolocation.getCurrentPosition(found, notFound, { enableHighAccuracy: true, timeout: 20000, maximumAge: 30000 });
  });
}

// --- What is shown ---------------------------------------------------------------------------------------------------
const showTowed = () => { towed.hidden = field("assistance_type").value !== "towing"; };
form.addEventListener("change", showTowed);
showTowed();

try {
  const kept = JSON.parse(localStorage.getItem(KEPT) || "null");
  if (kept && kept.until > Date.now()) {
    const open = document.getElementById("open-request");
    open.querySelector("a").href = kept.path;
    open.hidden = false;
  }
} catch {
  // A browser that keeps nothing shows no reminder.
}
