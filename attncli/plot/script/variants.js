// --- the same map under several values, side by side in the same colours

const variants = data.variants === null ? [] : data.variants.map((name, at) => {
  const button = document.createElement("button"), canvas = document.createElement("canvas");
  const title = document.createElement("span"), told = document.createElement("span");
  button.type = "button";
  title.textContent = name;
  told.className = "soft";
  button.append(title, canvas, told);
  button.addEventListener("click", () => { state.head = at; refresh(); });
  element("variants").append(button);
  return { button, canvas, told };
});
element("variants").hidden = data.variants === null;

function drawVariants() { // cells are squares where there is room, and never too small to be seen
  const wide = Math.min(240, Math.max(120, columns * 14)), high = Math.min(320, Math.max(14, (rows * wide) / columns));
  const bounds = extent();
  variants.forEach(({ button, canvas }, at) => {
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
    canvas.getContext("2d").putImageData(pixelsOf(at, ...bounds), 0, 0);
    button.setAttribute("aria-pressed", String(at === state.head));
  });
}

function tellVariants() {
  variants.forEach(({ told }, at) => { told.textContent = variantFacts(at); });
}

function variantFacts(at) { // of the chosen query
  const facts = factsOf(at);
  if (facts === null) return "";
  return say("variant_facts", { key: apart(shown(data.keys[facts.key])), effective: rounded(facts.effective), weight: rounded(facts.weight) });
}
