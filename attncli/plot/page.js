"use strict";
// Everything that comes from a file is put in as text: textContent, fillText, and never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const rows = data.queries.length, columns = data.keys.length;
const PALETTE = data.colors; // from the least to the largest number
const STEPS = data.steps;
const first = data.first;
const firstRow = Math.floor((first.row ?? data.run[0] * (rows - 1)) / data.run[0]);
const state = {
  head: data.head, step: STEPS.indexOf(first.step ?? "weights"), row: firstRow, chosen: firstRow,
  column: Math.floor((first.column ?? 0) / data.run[1]), query: "", factor: 1,
};
// The sentences come with the data, in the language of the page; what stands in braces is filled in here.
const say = (word, values = {}) => data.words[word].replace(/\{(\w+)\}/g, (_, name) => values[name]);

function halves() { // every float of two bytes, once: looking one up is quicker than working it out
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}
const HALVES = data.exact ? null : halves();

function unpack(text, exact) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (exact) return new Float32Array(bytes.buffer);
  return Float32Array.from(new Uint16Array(bytes.buffer), (bits) => HALVES[bits]);
}

const packed = new Map(), unpacked = new Map();
function given(head, step) { // as the file has it
  const place = `${head} ${step}`;
  if (!packed.has(place)) packed.set(place, unpack(data.heads[head][STEPS[step]], data.exact));
  return packed.get(place);
}

function numbers(head, step) { // as they are at the scale that is chosen
  const name = STEPS[step], place = `${head} ${name}`;
  if (unpacked.has(place)) return unpacked.get(place);
  if (!(name in data.heads[head])) {
    const lengths = unpack(data.lengths[head], true);
    const weights = numbers(head, STEPS.indexOf("weights"));
    unpacked.set(place, weights.map((weight, at) => (weight === -Infinity ? weight : weight * lengths[at % columns])));
  } else if (state.factor === 1) {
    unpacked.set(place, given(head, step));
  } else {
    for (const [each, array] of Object.entries(rescaled(head))) unpacked.set(`${head} ${each}`, array);
  }
  return unpacked.get(place);
}

function range(array, fromZero) {
  let low = Infinity, high = -Infinity;
  for (const number of array) {
    if (!Number.isFinite(number)) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (fromZero) low = 0;
  if (!(low < Infinity)) return [0, 1];
  return [low, high > low ? high : low + 1];
}

const color = (share) => PALETTE[Math.round(Math.min(Math.max(share, 0), 1) * (PALETTE.length - 1))];
const hex = (name) => style(name).match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
function shade(number, low, high) { // what is no number, and what is closed, has a colour that is not in the palette
  if (number === -Infinity) return hex("--closed");
  return Number.isNaN(number) ? data.nothing : color((number - low) / (high - low));
}
// Black or white, whichever is easier to read on a colour.
const inkOn = ([red, green, blue]) => (0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 ? "#000" : "#fff");

function written(number) {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : say("closed");
  const size = Math.abs(number);
  if (size === 0) return "0";
  return size < 1e-4 || size >= 1e6 ? number.toExponential(3) : String(Number(number.toPrecision(data.exact ? 5 : 3)));
}

// Characters that are not seen come escaped; each label keeps its own direction to itself.
const shown = (label) => label.replace(/^ +| +$/g, (blanks) => "␣".repeat(blanks.length));
const apart = (text) => `\u2068${text}\u2069`;
const MOST = 18, segmenter = new Intl.Segmenter(), shortened = new Map();
function short(label) { // a letter and its accents are cut off together
  if (!shortened.has(label)) {
    const parts = Array.from(segmenter.segment(shown(label)), (each) => each.segment);
    shortened.set(label, parts.length > MOST ? parts.slice(0, MOST - 1).join("") + "…" : parts.join(""));
  }
  return shortened.get(label);
}
const matches = (label) => state.query !== "" && label.toLowerCase().includes(state.query.toLowerCase());
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// --- the map

const heat = element("heat"), pen = heat.getContext("2d");
const layout = { wide: 1, high: 1, left: 0, top: 0 };
let image = null;

function measure() {
  const room = Math.min(element("maps").clientWidth, 760);
  pen.font = "12px system-ui, sans-serif";
  const widest = (labels) => Math.min(130, Math.max(...labels.map((label) => pen.measureText(short(label)).width)) + 8);
  layout.left = widest(data.queries);
  const numbered = data.values ? 44 : 1; // what a number needs in its cell
  layout.top = widest(data.keys);
  layout.wide = Math.max(numbered, Math.min(28, (room - layout.left) / columns));
  layout.high = Math.max(1, Math.min(28, Math.max(620, rows) / rows));
  // Nearly square where both axes are long; a few long rows are easier to read when they are higher.
  if (rows * 2 > columns) layout.high = Math.min(layout.high, Math.max(layout.wide, 12 * (rows <= 60)));
  const scale = window.devicePixelRatio || 1;
  const width = Math.ceil(layout.left + columns * layout.wide) + 1, height = Math.ceil(layout.top + rows * layout.high) + 1;
  heat.width = width * scale;
  heat.height = height * scale;
  heat.style.width = `${width}px`;
  heat.style.height = `${height}px`;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
}

function paint() { // the cells, one pixel each; they are scaled up when they are drawn
  const array = numbers(state.head, state.step);
  const [low, high] = range(array, state.step >= STEPS.indexOf("weights"));
  const pixels = new ImageData(columns, rows);
  const closed = hex("--closed");
  let anyClosed = false, anyNothing = false;
  for (let at = 0; at < array.length; at += 1) {
    const isClosed = array[at] === -Infinity;
    const [red, green, blue] = isClosed ? closed : shade(array[at], low, high);
    anyClosed = anyClosed || isClosed;
    anyNothing = anyNothing || Number.isNaN(array[at]);
    pixels.data.set([red, green, blue, 255], 4 * at);
  }
  image = document.createElement("canvas");
  image.width = columns;
  image.height = rows;
  image.getContext("2d").putImageData(pixels, 0, 0);
  element("low").textContent = written(low);
  element("high").textContent = written(high);
  element("closed").textContent = anyClosed ? say("grey") : "";
  element("nothing").textContent = anyNothing ? say("red") : "";
}

function draw() {
  const { wide, high, left, top } = layout;
  pen.clearRect(0, 0, heat.width, heat.height);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, left, top, columns * wide, rows * high);
  pen.font = `${Math.min(12, Math.max(9, Math.min(wide, high) - 2))}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  if (data.values) drawValues();
  const every = (cell) => Math.max(1, Math.ceil(12 / cell));
  const pick = (hit, chosen) => style(hit ? "--mark" : chosen ? "--ink" : "--soft");
  pen.textAlign = "right";
  data.queries.forEach((label, row) => {
    if (row % every(high) && !matches(label) && row !== state.chosen) return;
    pen.fillStyle = pick(matches(label), row === state.chosen);
    pen.fillText(short(label), left - 5, top + (row + 0.5) * high);
  });
  pen.textAlign = "left";
  data.keys.forEach((label, column) => {
    if (column % every(wide) && !matches(label)) return;
    pen.save();
    pen.translate(left + (column + 0.5) * wide, top - 5);
    pen.rotate(-Math.PI / 2);
    pen.fillStyle = pick(matches(label), false);
    pen.fillText(short(label), 0, 0);
    pen.restore();
  });
  pen.strokeStyle = style("--mark");
  pen.lineWidth = 1.5;
  pen.strokeRect(left, top + state.chosen * high, columns * wide, high);
  pen.strokeRect(left + state.column * wide, top + state.row * high, wide, high);
}

function drawValues() {
  const array = numbers(state.head, state.step), { wide, high, left, top } = layout;
  const [least, most] = range(array, state.step >= STEPS.indexOf("weights"));
  const brief = (number) => {
    const size = Math.abs(number);
    if (size === 0) return "0";
    return size < 0.01 || size >= 1e5 ? number.toExponential(0) : size < 1 ? number.toFixed(2) : number.toPrecision(2);
  };
  pen.textAlign = "center";
  array.forEach((number, at) => {
    if (number === -Infinity) return;
    pen.fillStyle = inkOn(shade(number, least, most));
    const place = [left + ((at % columns) + 0.5) * wide, top + (Math.floor(at / columns) + 0.5) * high];
    pen.fillText(Number.isFinite(number) ? brief(number) : written(number), ...place);
  });
}

function describe(row, column) {
  const at = row * columns + column;
  const name = (word, label) => say(word, { label: apart(label) });
  const lines = [name("query", data.queries[row]), name("key", data.keys[column])];
  data.names.forEach((name, step) => lines.push(`${name} ${written(numbers(state.head, step)[at])}`));
  return lines;
}

function point(row, column) {
  state.row = Math.min(Math.max(row, 0), rows - 1);
  state.column = Math.min(Math.max(column, 0), columns - 1);
  const value = numbers(state.head, state.step)[state.row * columns + state.column];
  element("status").textContent =
    `${apart(shown(data.queries[state.row]))} → ${apart(shown(data.keys[state.column]))}: ${data.names[state.step]} ${written(value)}`;
  draw();
  drawPhoto();
}

function cellAt(event) {
  const box = heat.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - layout.left) / layout.wide);
  const row = Math.floor((event.clientY - box.top - layout.top) / layout.high);
  return row >= 0 && row < rows && column < columns ? [row, column] : null;
}

heat.addEventListener("mousemove", (event) => {
  const place = cellAt(event), tip = element("tip");
  if (place === null || place[1] < 0) { tip.hidden = true; return; }
  point(...place);
  tip.textContent = describe(...place).join("\n");
  tip.hidden = false;
  tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)}px`;
});
heat.addEventListener("mouseleave", () => { element("tip").hidden = true; });
heat.addEventListener("click", (event) => {
  const place = cellAt(event);
  if (place !== null) choose(place[0]);
});
heat.addEventListener("keydown", (event) => {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (event.key in moves) point(state.row + moves[event.key][0], state.column + moves[event.key][1]);
  else if (event.key === "Enter") choose(state.row);
  else return;
  event.preventDefault();
});

// --- the tokens

const SPACE = "http://www.w3.org/2000/svg", LINE = 20, MIDDLE = [145, 255], RIGHT = 195;

function drawn(name, attributes, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawTokens() {
  const svg = element("lines");
  const weights = numbers(state.head, Math.max(state.step, STEPS.indexOf("weights")));
  const row = weights.subarray(state.chosen * columns, (state.chosen + 1) * columns);
  const high = Math.max(...Array.from(row, (weight) => (Number.isFinite(weight) ? weight : 0)));
  svg.replaceChildren();
  svg.setAttribute("width", MIDDLE[1] + RIGHT);
  svg.setAttribute("height", LINE * (Math.max(rows, columns) + 1));
  const y = (at) => LINE * (at + 1);
  row.forEach((weight, at) => {
    if (!(weight > high / 1000)) return;
    const share = weight / high;
    svg.append(drawn("line", {
      x1: MIDDLE[0], y1: y(state.chosen) - 4, x2: MIDDLE[1], y2: y(at) - 4,
      "stroke-width": 1 + 4 * share, "stroke-opacity": Math.max(0.08, share), "data-key": at,
    }));
  });
  data.queries.forEach((label, at) => {
    const made = drawn("text", { x: MIDDLE[0] - 6, y: y(at), "text-anchor": "end", "data-query": at, tabindex: 0 }, apart(short(label)));
    made.classList.add("query");
    made.classList.toggle("chosen", at === state.chosen);
    made.classList.toggle("hit", matches(label));
    made.addEventListener("click", () => choose(at));
    made.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(at, true); });
    svg.append(made);
  });
  data.keys.forEach((label, at) => {
    const weight = row[at] > high / 1000 ? ` ${written(row[at])}` : "";
    const made = drawn("text", { x: MIDDLE[1] + 6, y: y(at), "data-key": at }, apart(short(label)) + weight);
    made.classList.toggle("hit", matches(label));
    svg.append(made);
  });
}

function choose(row, byKey) {
  state.chosen = Math.min(Math.max(row, 0), rows - 1);
  drawTokens();
  point(state.chosen, state.column);
  tellScale();
  reveal();
  if (byKey) element("lines").querySelector(`[data-query="${state.chosen}"]`).focus();
}

function reveal() { // the chosen query, where the column of tokens is longer than its window
  const panel = element("tokens"), place = LINE * (state.chosen + 1);
  if (place < panel.scrollTop + LINE || place > panel.scrollTop + panel.clientHeight - LINE) {
    panel.scrollTop = place - panel.clientHeight / 2;
  }
}

// --- the controls

function refresh() {
  element("head").value = String(state.head);
  element("step").value = String(state.step);
  paint();
  point(state.row, state.column);
  drawTokens();
  tellScale();
  element("printed").textContent =
    [element("head"), element("step")].map((list) => `${list.parentNode.firstChild.textContent}${list.selectedOptions[0].text}`).join(" · ");
}

function fill(id, names, set) {
  names.forEach((name, at) => element(id).append(new Option(name, String(at))));
  element(id).addEventListener("change", (event) => { set(Number(event.target.value)); refresh(); });
}
const several = data.heads.length > 1;
fill("head", data.heads.map((_, at) => (several ? say("head_of", { head: at, heads: data.heads.length }) : "0")), (at) => { state.head = at; });
fill("step", data.names, (at) => { state.step = at; });

element("find").addEventListener("input", (event) => {
  state.query = event.target.value;
  const hits = [...data.queries, ...data.keys].filter(matches).length;
  element("found").textContent = state.query === "" ? "" : say("found", { count: hits });
  draw();
  drawTokens();
});
element("find").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const order = [...data.queries.keys()].map((at) => (state.chosen + 1 + at) % rows);
  const next = order.find((at) => matches(data.queries[at]));
  if (next !== undefined) choose(next);
});
element("controls").addEventListener("submit", (event) => event.preventDefault());
element("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  refresh();
});
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = Number(event.key) - 1;
  if (event.key === "/") { element("find").focus(); event.preventDefault(); }
  else if (event.key === "[" || event.key === "]") {
    state.head = (state.head + (event.key === "]" ? 1 : data.heads.length - 1)) % data.heads.length;
    refresh();
  } else if (step in STEPS) { state.step = step; refresh(); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
window.addEventListener("resize", () => { measure(); draw(); });

element("title").textContent = data.title;
element("source").textContent = data.notes.map(apart).join(" ");
const bar = element("bar").getContext("2d");
for (let x = 0; x < 160; x += 1) {
  bar.fillStyle = `rgb(${color(x / 159).join(" ")})`;
  bar.fillRect(x, 0, 1, 12);
}
// On paper: light, whatever the screen is, and no long column of tokens.
element("tokens").classList.toggle("long", Math.max(rows, columns) > 48);
let theme = null;
window.addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme ?? "";
  document.documentElement.dataset.theme = "light";
  refresh();
});
window.addEventListener("afterprint", () => {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  refresh();
});
