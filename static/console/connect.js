// Shows the first position of a new device within seconds.
import { remember, renew } from "./regions.js";

const EVERY = 3000;
const box = document.getElementById("connect");
remember(box);

async function look() {
  try {
    if (!document.hidden) await renew(box);
  } catch {
    // Signed out, or the server is away: the next look tells.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
