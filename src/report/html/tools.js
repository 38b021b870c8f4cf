// ---- tools: elements, numbers as people read them, bytes from text ----

// An element; children that are strings become text, never markup: names in the data are anybody's.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const byId = (id) => document.getElementById(id);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// 1,234,567.25
function formatCount(value, decimals = 2) {
  if (!isNumber(value)) return "\u2013";
  return value.toLocaleString("en-US", { maximumFractionDigits: decimals });
}

// Four digits and an SI prefix: 112.2 us.
function formatQuantity(value, unit) {
  if (!isNumber(value)) return "\u2013";
  if (value === 0) return "0 " + unit;
  const prefixes = ["p", "n", "\u00b5", "m", "", "k", "M", "G", "T", "P", "E"];
  const size = Math.min(Math.max(Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-12), -4), 6);
  const scaled = value / Math.pow(1000, size);
  const text = Math.abs(scaled) >= 999.95 ? scaled.toFixed(0) : scaled.toPrecision(4);
  return text + " " + prefixes[size + 4] + unit;
}

const formatPercent = (share) => (isNumber(share) ? (100 * share).toFixed(1) + " %" : "\u2013");

// Numbers with their unit: whole things are counted, the rest is measured.
function formatWith(value, unit) {
  if (!isNumber(value)) return "\u2013";
  return unit === "J" ? formatQuantity(value, "J") : formatCount(value) + " " + unit;
}

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// An entry of what may be written as one number where all are alike.
const entry = (list, i) => (Array.isArray(list) ? list[i] : list);

const sum = (list) => list.reduce((a, b) => a + b, 0);

// A colour of the style sheet, as it is now.
const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(width * ratio)), h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

// One of several buttons that is pressed.
function pressOne(group, chosen) {
  for (const button of group.querySelectorAll("button"))
    button.setAttribute("aria-pressed", button === chosen ? "true" : "false");
}

function tableOf(head, rows) {
  const cell = (tag, value, i) => el(tag, { class: i > 0 && typeof value !== "object" ? "num" : null }, value);
  return el("div", { class: "scroll" }, el("table", {},
    head ? el("thead", {}, el("tr", {}, head.map((h, i) => cell("th", h, i)))) : null,
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((v, i) => cell("td", v, i)))))));
}

const swatch = (colour) => el("i", { class: "swatch", style: { background: colour } });

// Shares of a whole as one bar and a legend. parts: [{name, value, colour}]
function stackOf(parts, total, unit) {
  const shown = parts.filter((p) => p.value > 0);
  return el("div", {},
    el("div", { class: "stack", role: "img", "aria-label": shown.map((p) => p.name + " " + formatPercent(p.value / total)).join(", ") },
      shown.map((p) => el("span", { title: p.name + ": " + formatWith(p.value, unit), style: { width: (100 * p.value) / total + "%", background: p.colour } }))),
    el("div", { class: "legend" }, shown.map((p) =>
      el("div", {}, el("span", {}, swatch(p.colour), p.name),
        el("span", { class: "num" }, formatCount(p.value) + " \u00b7 " + formatPercent(p.value / total))))));
}
