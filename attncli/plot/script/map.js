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

function pixelsOf(head, low, high) { // the cells of a map, one pixel each
  const array = numbers(head, state.step);
  const pixels = new ImageData(columns, rows), closed = hex("--closed");
  array.forEach((number, at) => {
    pixels.data.set([...(number === -Infinity ? closed : shade(number, low, high)), 255], 4 * at);
  });
  return pixels;
}

function paint() { // they are scaled up when they are drawn
  const array = numbers(state.head, state.step), [low, high] = extent();
  image = document.createElement("canvas");
  image.width = columns;
  image.height = rows;
  image.getContext("2d").putImageData(pixelsOf(state.head, low, high), 0, 0);
  element("low").textContent = written(low);
  element("high").textContent = written(high);
  element("closed").textContent = array.includes(-Infinity) ? say("grey") : "";
  element("nothing").textContent = array.some(Number.isNaN) ? say("red") : "";
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
  const [least, most] = extent();
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
  const names = { query: apart(shown(data.queries[state.row])), key: apart(shown(data.keys[state.column])) };
  element("status").textContent = say("status", { ...names, step: data.names[state.step], value: written(value) });
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
