// What HTML alone cannot do: keys, the state of the connection, charts, the map's cells, files that are dropped.
"use strict";
const root = document.documentElement;
const $ = (selector, within = document) => within.querySelector(selector);

function connected(state, words) {
  root.classList.toggle("live", state === "live");
  root.classList.toggle("lost", state === "lost");
  $("#connection").textContent = words;
}
document.addEventListener("htmx:sse:after:connection", () => connected("live", "live"));
document.addEventListener("htmx:sse:after:message", () => { connected("live", "live"); draw(); });
for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:error"])
  document.addEventListener(name, () => connected("lost", "not connected"));
document.addEventListener("htmx:sse:before:connection", (event) => {
  if (event.detail.connection?.attempt > 0) connected("lost", "not connected, trying again");
});

// A browser has six connections to a host: a page that is not seen takes none. The extension itself ends that of a page
// that is hidden later, and connects again when it is seen.
let asked = false;
function see() {
  if (document.hidden) connected("", "paused");
  else if (!asked) htmx.trigger($("#live"), "seen");
}
document.addEventListener("htmx:before:request", (event) => { if (event.target.id === "live") asked = true; });
for (const name of ["visibilitychange", "DOMContentLoaded"]) document.addEventListener(name, see);

let pressed = "";
const places = { b: "/batches", f: "/failures", l: "/flow", c: "/compare", s: "/sandbox" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  if (pressed === "g" && places[event.key]) location.href = places[event.key];
  else if (event.key === "/" && $("#filter")) { $("#filter").focus(); event.preventDefault(); }
  else if (event.key === "r") location.reload();
  else if (event.key === "?") $("#keys").showModal();
  pressed = event.key;
});

// The preview of a command has the name of the file, not the file.
document.addEventListener("htmx:config:request", (event) => {
  const { body } = event.detail.ctx.request;
  if (body instanceof FormData) for (const [name, value] of [...body]) if (value instanceof File) body.set(name, value.name);
});

// A cell of a map leads to its chunk.
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-map]"), map = place && $(".map", place);
  if (!map) return;
  const box = map.getBoundingClientRect(), [, , columns, rows] = map.getAttribute("viewBox").split(" ").map(Number);
  const scale = Math.min(box.width / columns, box.height / rows);
  const x = (event.clientX - box.left) / scale;
  const y = (event.clientY - box.top) / scale;
  if (x >= 0 && x < columns && y >= 0 && y < rows)
    location.href = `${place.dataset.map}?place=${Math.floor(y) * columns + Math.floor(x)}`;
});

const plots = new WeakMap();
// A colour of the style sheet by its name, as a canvas takes it.
function colour(name, place) { place.style.color = `var(${name})`; return getComputedStyle(place).color; }
function draw() {
  for (const place of document.querySelectorAll(".plot[data-series]")) {
    const data = JSON.parse(place.dataset.series);
    if (data[0].length < 2 || !window.uPlot) continue;
    const known = plots.get(place);
    if (known) { known.setData(data); continue; }
    place.replaceChildren();
    const axis = { stroke: colour("--muted", place), grid: { stroke: colour("--line", place), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const names = place.dataset.names.split(","), paints = place.dataset.paints.split(",");
    const series = names.map((label, index) => ({
      label, stroke: colour(paints[index], place), width: 1.6, points: { show: false },
      fill: colour(paints[index], place).replace(/rgb\((.*)\)/, "rgba($1, .13)"),
    }));
    const size = () => ({ width: place.clientWidth, height: 200 });
    const plot = new uPlot({
      ...size(), legend: { show: false }, cursor: { y: false }, scales: { y: { range: (_, low, high) => [0, Math.max(high, 1)] } },
      axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB")) }, { ...axis, size: 60, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en")) }], series: [{}, ...series],
    }, data, place);
    plots.set(place, plot);
    new ResizeObserver(() => plot.setSize(size())).observe(place);
  }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
document.addEventListener("DOMContentLoaded", draw);

for (const drop of document.querySelectorAll(".drop")) {
  const over = (event) => { event.preventDefault(); drop.classList.toggle("over", event.type === "dragover"); };
  for (const name of ["dragover", "dragleave", "drop"]) drop.addEventListener(name, over);
  drop.addEventListener("drop", (event) => {
    const input = $("input[type=file]", drop);
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
