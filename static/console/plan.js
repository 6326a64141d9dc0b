// The trips of a plan on a map, each in a colour of its own.
import { addBackground } from "./background.js";

const L = window.L;
const box = document.getElementById("map");
const COLOURS = ["#1b6ec2", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0f766e", "#a16207", "#be185d"];

if (box) {
  const map = L.map(box, { worldCopyJump: true, minZoom: 2, attributionControl: false });
  map.setView([36.75, 3.06], 6);
  addBackground(map, box);
  const drawn = JSON.parse(document.getElementById("plan-lines").textContent).map(({ plate, points }, index) => {
    const color = COLOURS[index % COLOURS.length];
    const tip = document.createElement("bdi");
    tip.textContent = plate;
    const line = L.polyline(points, { color, weight: 3 }).bindTooltip(tip, { sticky: true });
    return L.featureGroup([line, ...points.map((point) => L.circleMarker(point, { radius: 4, color, fillOpacity: 1 }))]).addTo(map);
  });
  const bounds = L.featureGroup(drawn).getBounds();
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [24, 24] });
}
