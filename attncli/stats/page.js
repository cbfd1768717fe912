"use strict";
// Everything that comes from a file is put in as text: textContent, fillText, and never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// The sentences come with the data, in the language of the page; what stands in braces is filled in here.
const say = (word, values = {}) => data.words[word].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const apart = (text) => `\u2068${text}\u2069`;
const shown = (label) => label.replace(/^ +| +$/g, (blanks) => "␣".repeat(blanks.length));
const MOST = 18, WIDEST = 118, segmenter = new Intl.Segmenter(), ruler = document.createElement("canvas").getContext("2d");
function short(label) { // a letter and its accents are cut off together; letters of some languages are wide
  const parts = Array.from(segmenter.segment(shown(label)), (each) => each.segment);
  const cut = (count) => (count < parts.length ? parts.slice(0, count).join("") + "…" : parts.join(""));
  let count = parts.length > MOST ? MOST - 1 : parts.length;
  ruler.font = "12px system-ui, sans-serif";
  while (count > 1 && ruler.measureText(cut(count)).width > WIDEST) count -= 1;
  return cut(count);
}
const state = { what: data.what, line: 0, at: 0, row: 0, column: 0 };

const color = (share) => data.colors[Math.round(Math.min(Math.max(share, 0), 1) * (data.colors.length - 1))];
const light = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110;

function written(number) {
  if (number === null) return say("nothing");
  const size = Math.abs(number);
  if (size === 0) return "0";
  return size < 1e-3 || size >= 1e5 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
}

function unpack(text) { // floats of two bytes
  const bits = new Uint16Array(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
  return Float32Array.from(bits, (each) => {
    const sign = each & 0x8000 ? -1 : 1, exponent = (each >> 10) & 31, fraction = each & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

function drawMap(canvas, line, head) { // one pixel for each cell
  const { queries, keys } = data.lines[line];
  const weights = unpack(data.lines[line].heads[head].map);
  const high = weights.reduce((most, each) => (Number.isFinite(each) && each > most ? each : most), 0) || 1;
  const pixels = new ImageData(keys.length, queries.length);
  const closed = style("--closed").match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));
  weights.forEach((weight, at) => {
    const pixel = weight === -Infinity ? closed : Number.isNaN(weight) ? data.nothing : color(weight / high);
    pixels.data.set([...pixel, 255], 4 * at);
  });
  canvas.width = keys.length;
  canvas.height = queries.length;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return weights;
}

// --- the atlas

const made = (tag, parent, text) => {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  parent.append(found);
  return found;
};
const cells = new Map(); // by line and place of the head in it
const nameOf = (line, at) => say("head_of", { layer: apart(data.lines[line].name), head: data.lines[line].heads[at].head });

function build() {
  const atlas = element("atlas"), top = made("tr", made("thead", atlas));
  made("td", top, say("heading_head"));
  data.heads.forEach((head) => { made("th", top, String(head)).scope = "col"; });
  const body = made("tbody", atlas);
  data.lines.forEach((line, row) => {
    const tr = made("tr", body), name = made("th", tr, line.name);
    name.scope = "row";
    name.title = line.name;
    data.heads.forEach((head) => {
      const td = made("td", tr), at = line.heads.findIndex((each) => each.head === head);
      if (at < 0) return;
      const cell = made("button", td);
      cell.type = "button";
      cell.className = "cell";
      cell.tabIndex = row === 0 && cells.size === 0 ? 0 : -1;
      drawMap(made("canvas", cell), row, at);
      made("span", cell);
      cell.addEventListener("click", () => open(row, at));
      cell.addEventListener("focus", () => { reach(row, at); });
      cells.set(`${row} ${at}`, cell);
    });
  });
}

function reach(line, at) { // one cell at a time is reached by Tab
  cells.get(`${state.line} ${state.at}`).tabIndex = -1;
  Object.assign(state, { line, at });
  cells.get(`${line} ${at}`).tabIndex = 0;
}

function paint() {
  const of = data.numbers[state.what];
  const values = data.lines.flatMap((line) => line.heads.map((head) => head.numbers[state.what])).filter((each) => each !== null);
  const high = Math.max(...values, 0) || 1;
  element("low").textContent = "0";
  element("high").textContent = written(high);
  for (const [place, cell] of cells) {
    const [line, at] = place.split(" ").map(Number), head = data.lines[line].heads[at];
    const value = head.numbers[state.what], pixel = value === null ? null : color(value / high);
    cell.style.background = pixel === null ? style("--closed") : `rgb(${pixel.join(" ")})`;
    cell.style.color = pixel === null ? style("--ink") : light(pixel) ? "#000" : "#fff";
    cell.lastChild.textContent = value === null ? "–" : written(value);
    const told = [nameOf(line, at), say("value", { name: of.name, value: written(value) }), head.word].filter(Boolean).join(say("told_join"));
    cell.setAttribute("aria-label", told);
    cell.title = told;
  }
}

element("atlas").addEventListener("keydown", (event) => {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (!(event.key in moves)) return;
  const [down, across] = moves[event.key];
  const line = Math.min(Math.max(state.line + down, 0), data.lines.length - 1);
  const at = Math.min(Math.max(state.at + across, 0), data.lines[line].heads.length - 1);
  cells.get(`${line} ${at}`).focus();
  event.preventDefault();
});

// --- one head

const heat = element("heat"), pen = heat.getContext("2d"), image = document.createElement("canvas");
const layout = { left: 0, top: 0, wide: 1, high: 1 };
let weights = new Float32Array(0);

function open(line, at) {
  reach(line, at);
  const of = data.lines[line], head = of.heads[at];
  weights = drawMap(image, line, at);
  Object.assign(state, { row: of.queries.length - 1, column: 0 });
  element("name").textContent = nameOf(line, at);
  element("word").textContent = head.word;
  element("mean").textContent = of.run.every((each) => each === 1) ? "" : say("mean", { down: of.run[0], across: of.run[1] });
  element("list").replaceChildren();
  data.numbers.forEach((number, which) => {
    const row = made("tr", element("list"));
    row.classList.toggle("chosen", which === state.what);
    made("th", row, number.name).scope = "row";
    made("td", row, written(head.numbers[which]));
  });
  const order = [...cells.keys()], place = order.indexOf(`${line} ${at}`);
  element("before").disabled = place === 0;
  element("after").disabled = place === order.length - 1;
  if (!element("one").open) element("one").showModal();
  measure();
  point(state.row, state.column);
}

function measure() {
  const { queries, keys } = data.lines[state.line], scale = window.devicePixelRatio || 1;
  pen.font = "12px system-ui, sans-serif";
  const widest = (labels) => Math.min(130, Math.max(...labels.map((label) => pen.measureText(short(label)).width)) + 8);
  layout.left = widest(queries);
  layout.top = widest(keys);
  layout.wide = Math.max(2, Math.min(24, 480 / keys.length));
  layout.high = Math.max(2, Math.min(24, 480 / queries.length));
  const width = Math.ceil(layout.left + keys.length * layout.wide) + 1, height = Math.ceil(layout.top + queries.length * layout.high) + 1;
  heat.width = width * scale;
  heat.height = height * scale;
  heat.style.width = `${width}px`;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
}

function draw() {
  const { queries, keys } = data.lines[state.line], { left, top, wide, high } = layout;
  pen.clearRect(0, 0, heat.width, heat.height);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, left, top, keys.length * wide, queries.length * high);
  pen.font = `${Math.min(12, Math.max(9, Math.min(wide, high) - 2))}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const every = (cell) => Math.max(1, Math.ceil(12 / cell));
  pen.textAlign = "right";
  queries.forEach((label, row) => {
    if (row % every(high) && row !== state.row) return;
    pen.fillStyle = style(row === state.row ? "--ink" : "--soft");
    pen.fillText(short(label), left - 5, top + (row + 0.5) * high);
  });
  pen.textAlign = "left";
  keys.forEach((label, column) => {
    if (column % every(wide) && column !== state.column) return;
    pen.save();
    pen.translate(left + (column + 0.5) * wide, top - 5);
    pen.rotate(-Math.PI / 2);
    pen.fillStyle = style(column === state.column ? "--ink" : "--soft");
    pen.fillText(short(label), 0, 0);
    pen.restore();
  });
  pen.strokeStyle = style("--mark");
  pen.lineWidth = 1.5;
  pen.strokeRect(left + state.column * wide, top + state.row * high, wide, high);
}

function point(row, column) {
  const { queries, keys } = data.lines[state.line];
  state.row = Math.min(Math.max(row, 0), queries.length - 1);
  state.column = Math.min(Math.max(column, 0), keys.length - 1);
  const weight = weights[state.row * keys.length + state.column];
  const told = weight === -Infinity ? say("closed") : Number.isNaN(weight) ? "NaN" : written(weight);
  element("status").textContent = say("weight", {
    query: apart(shown(queries[state.row])), key: apart(shown(keys[state.column])), weight: told,
  });
  draw();
}

heat.addEventListener("mousemove", (event) => {
  const box = heat.getBoundingClientRect(), { queries, keys } = data.lines[state.line];
  const column = Math.floor(((event.clientX - box.left) * (heat.width / box.width) / (window.devicePixelRatio || 1) - layout.left) / layout.wide);
  const row = Math.floor(((event.clientY - box.top) * (heat.height / box.height) / (window.devicePixelRatio || 1) - layout.top) / layout.high);
  if (row >= 0 && row < queries.length && column >= 0 && column < keys.length) point(row, column);
});
heat.addEventListener("keydown", (event) => {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (!(event.key in moves)) return;
  point(state.row + moves[event.key][0], state.column + moves[event.key][1]);
  event.preventDefault();
});
function step(by) {
  const order = [...cells.keys()], place = order.indexOf(`${state.line} ${state.at}`) + by;
  if (place >= 0 && place < order.length) open(...order[place].split(" ").map(Number));
}
element("before").addEventListener("click", () => step(-1));
element("after").addEventListener("click", () => step(1));
element("close").addEventListener("click", () => element("one").close());
element("one").addEventListener("close", () => cells.get(`${state.line} ${state.at}`).focus());

// --- the controls

data.numbers.forEach((number, at) => element("what").append(new Option(number.name, String(at))));
element("what").value = String(state.what);
element("what").addEventListener("change", (event) => { state.what = Number(event.target.value); paint(); });
element("controls").addEventListener("submit", (event) => event.preventDefault());
function recolor() { // the grey of closed keys goes with the theme
  for (const [place, cell] of cells) drawMap(cell.firstChild, ...place.split(" ").map(Number));
  paint();
}
element("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  recolor();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
const bar = element("bar").getContext("2d");
for (let x = 0; x < 160; x += 1) {
  bar.fillStyle = `rgb(${color(x / 159).join(" ")})`;
  bar.fillRect(x, 0, 1, 12);
}
build();
paint();
