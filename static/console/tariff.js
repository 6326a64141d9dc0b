// Shows what a job would cost while the figures of a tariff are typed; the server reckons.
const box = document.getElementById("tariff-example");
const names = ["base", "per_km", "minimum", "currency"];
const fields = names.map((name) => document.getElementById(`id_${name}`));
let timer = 0;

async function show() {
  const query = new URLSearchParams();
  names.forEach((name, index) => query.set(name, fields[index] ? fields[index].value : readOnly(name)));
  const answer = await fetch(`${box.dataset.url}?${query}`, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const { rows } = await answer.json();
  box.querySelector("tbody").replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.insertCell().textContent = row.way;
    line.insertCell().textContent = row.price;
    return line;
  }));
}

function readOnly(name) {
  const shown = document.querySelector(`.field-${name} .readonly`);
  return shown ? shown.textContent.trim() : "";
}

if (box) {
  fields.forEach((field) => field && field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 200);
  }));
  show();
}
