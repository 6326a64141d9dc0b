// The driver's page: signing, and printing the route sheet. Its forms work without this.
import { openSignatures } from "./signature.js";

openSignatures();
const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
