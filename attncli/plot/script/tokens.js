// --- the tokens

const SPACE = "http://www.w3.org/2000/svg", LINE = 20, MIDDLE = [145, 255], RIGHT = 215;

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
