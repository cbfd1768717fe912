// --- the picture that an image model read, with the chosen row over it

const photo = element("photo"), brush = photo.getContext("2d"), source = new Image();
const PHOTO = 380, CELL = 8; // pixels of its longest side, and the least of a patch
const patches = data.picture; // null: there is none

function drawPhoto() {
  if (patches === null || !source.complete) return;
  const { width, height } = photo, { down, across, before } = patches;
  brush.imageSmoothingEnabled = patches.width >= 64;
  brush.filter = "grayscale(1)";
  brush.drawImage(source, 0, 0, width, height);
  brush.filter = "none";
  brush.globalAlpha = 0.6;
  const start = state.chosen * columns + before, array = numbers(state.head, state.step);
  const [low, high] = extent();
  const edge = (at, count, size) => Math.round((at * size) / count);
  const place = (at) => {
    const row = Math.floor(at / across), column = at % across;
    const left = edge(column, across, width), top = edge(row, down, height);
    return [left, top, edge(column + 1, across, width) - left, edge(row + 1, down, height) - top];
  };
  for (let at = 0; at < down * across; at += 1) {
    brush.fillStyle = `rgb(${shade(array[start + at], low, high).join(" ")})`;
    brush.fillRect(...place(at));
  }
  brush.globalAlpha = 1;
  const frame = (key, name) => {
    if (key < before || key >= before + down * across) return;
    const [left, top, wide, tall] = place(key - before);
    brush.strokeStyle = style(name);
    brush.lineWidth = 2;
    brush.strokeRect(left + 1, top + 1, wide - 2, tall - 2);
  };
  frame(state.column, "--ink");
  if (patches.asks) frame(state.chosen, "--mark");
  const best = [...Array(columns).keys()].filter((key) => array[start - before + key] > -Infinity);
  best.sort((a, b) => array[start - before + b] - array[start - before + a]);
  const list = best.slice(0, 3).map((key) => `${apart(shown(data.keys[key]))} ${written(array[start - before + key])}`);
  element("photo-told").textContent =
    say("photo_row", { query: apart(shown(data.queries[state.chosen])), keys: list.join(say("list_join")) });
}

function patchAt(event) {
  const box = photo.getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * patches.down);
  const column = Math.floor(((event.clientX - box.left) / box.width) * patches.across);
  const clamped = (at, count) => Math.min(Math.max(at, 0), count - 1);
  return patches.before + clamped(row, patches.down) * patches.across + clamped(column, patches.across);
}

if (patches !== null) {
  const scale = Math.max(PHOTO / Math.max(patches.width, patches.height), CELL * Math.max(patches.down / patches.height, patches.across / patches.width));
  photo.width = Math.round(patches.width * scale);
  photo.height = Math.round(patches.height * scale);
  element("picture").hidden = false;
  photo.addEventListener("mousemove", (event) => point(state.chosen, patchAt(event)));
  photo.addEventListener("click", (event) => { if (patches.asks) choose(patchAt(event)); });
  photo.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: -patches.across, ArrowDown: patches.across, ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in moves) point(state.chosen, Math.min(Math.max(state.column + moves[event.key], 0), columns - 1));
    else if (event.key === "Enter" && patches.asks) choose(state.column);
    else return;
    event.preventDefault();
  });
  source.addEventListener("load", drawPhoto);
  source.src = patches.source;
}
