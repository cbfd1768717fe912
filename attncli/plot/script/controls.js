// --- the controls

function refresh() {
  element("head").value = String(state.head);
  element("step").value = String(state.step);
  paint();
  point(state.row, state.column);
  drawTokens();
  drawVariants();
  tellScale();
  element("printed").textContent =
    [element("head"), element("step")].map((list) => `${list.parentNode.firstChild.textContent}${list.selectedOptions[0].text}`).join(" · ");
}

function fill(id, names, set) {
  names.forEach((name, at) => element(id).append(new Option(name, String(at))));
  element(id).addEventListener("change", (event) => { set(Number(event.target.value)); refresh(); });
}
const several = data.heads.length > 1;
const heads = data.heads.map((_, at) => (several ? say("head_of", { head: at, heads: data.heads.length }) : "0"));
// The list stands beside the name of what varies, which need not stand in it too.
fill("head", data.variants?.map((name) => name.slice(name.indexOf("=") + 1)) ?? heads, (at) => { state.head = at; });
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

// --- everything is there: draw it

measure();
refresh();
reveal();
