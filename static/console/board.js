// Keeps the board current.
import { keepCurrent } from "./live.js";
import { remember, renew } from "./regions.js";

const board = document.getElementById("board");
let pending = 0;
remember(board);

function frame(event) {
  // Places alone change nothing on the board: it would be read once a second for nothing.
  if (event.type !== "board_changed" || event.what === "chat" || event.what === "alarms" || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    renew(board).catch(() => {});
  }, 500);
}

keepCurrent({ refresh: () => renew(board), frame });
