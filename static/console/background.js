// What lies under every map of the console: the tiles of MAP_TILE_URL, else our own streets above a map of the world.
import { element } from "./markers.js";

const L = window.L;
const OSM = "© OpenStreetMap contributors";

/** Draw the background that the box's data names; returns the bounds of the streets, or null. */
export function addBackground(map, box) {
  const credits = L.control.attribution({ prefix: "Leaflet" }).addTo(map);
  map.createPane("basemap").style.zIndex = 150;
  map.createPane("places").style.zIndex = 160;
  if (box.dataset.tileUrl) {
    L.tileLayer(box.dataset.tileUrl, { maxZoom: 19, attribution: OSM }).addTo(map);
    return null;
  }
  drawWorld(map, box, credits);
  return box.dataset.streetsUrl ? drawStreets(map, box) : null;
}

function drawStreets(map, box) {
  const [south, west, north, east] = box.dataset.streetsBox.split(",").map(Number);
  const bounds = L.latLngBounds([south, west], [north, east]);
  const theme = document.documentElement.dataset.theme;
  const isDark = theme === "dark" || (theme !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  const layer = window.protomapsL.leafletLayer({
    url: box.dataset.streetsUrl, flavor: isDark ? "dark" : "light", lang: document.documentElement.lang.slice(0, 2),
    maxDataZoom: Number(box.dataset.streetsZoom), minZoom: 5, maxZoom: 20, bounds, attribution: OSM,
  });
  layer.backgroundColor = undefined; // what lies outside of the data shows the world
  layer.addTo(map);
  return bounds;
}

async function drawWorld(map, box, credits) {
  const [world, cities] = await Promise.all([box.dataset.basemapUrl, box.dataset.citiesUrl].map(async (url) => (await fetch(url)).json()));
  const css = getComputedStyle(document.documentElement);
  L.geoJSON(world, {
    pane: "basemap",
    renderer: L.canvas({ pane: "basemap", padding: 0.5 }),
    interactive: false,
    smoothFactor: 1,
    style: {
      color: css.getPropertyValue("--map-border").trim(),
      weight: 1,
      fillColor: css.getPropertyValue("--map-land").trim(),
      fillOpacity: 1,
    },
  }).addTo(map);
  credits.addAttribution("Natural Earth");
  const layer = L.layerGroup().addTo(map);
  const show = () => {
    layer.clearLayers();
    const zoom = map.getZoom();
    const inside = map.getBounds().pad(0.1);
    for (const [name, lat, lng, from] of cities) {
      if (zoom < from || !inside.contains([lat, lng])) continue;
      layer.addLayer(L.marker([lat, lng], {
        pane: "places", interactive: false, keyboard: false,
        icon: L.divIcon({ className: "city", html: element("span", "", name), iconSize: null }),
      }));
    }
  };
  map.on("moveend", show);
  if (map.getZoom() !== undefined) show();
}
