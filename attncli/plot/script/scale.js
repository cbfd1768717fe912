// --- the scale: scores times a factor, and everything that follows from them

const slider = element("by");

function rescaled(head) { // logits = cap(factor · score) + what bias and masks add; closed keys stay closed
  const at = (name) => given(head, STEPS.indexOf(name));
  const scores = at("scores"), before = STEPS.includes("capped") ? at("capped") : scores, logits = at("logits");
  const cap = (score) => (data.softcap === null ? score : data.softcap * Math.tanh(score / data.softcap));
  const sink = data.sinks?.[head] ?? -Infinity;
  const made = {
    scores: scores.map((score) => score * state.factor),
    capped: scores.map((score) => cap(score * state.factor)),
    logits: new Float32Array(logits.length), weights: new Float32Array(logits.length),
  };
  for (let row = 0; row < rows; row += 1) {
    const start = row * columns;
    let high = sink, sum = 0;
    for (let key = start; key < start + columns; key += 1) {
      const added = logits[key] - before[key];
      made.logits[key] = logits[key] === -Infinity ? -Infinity : made.capped[key] + added;
      if (!(made.logits[key] <= high)) high = made.logits[key];
    }
    for (let key = start; key < start + columns; key += 1) {
      made.weights[key] = logits[key] === -Infinity ? 0 : Math.exp(made.logits[key] - high);
      sum += made.weights[key];
    }
    sum += Math.exp(sink - high);
    for (let key = start; key < start + columns; key += 1) {
      made.weights[key] = logits[key] === -Infinity ? -Infinity : made.weights[key] / sum;
    }
  }
  return made;
}

const rounded = (number) => (Math.abs(number) >= 1e-4 && Math.abs(number) < 1e6 ? String(Number(number.toPrecision(3))) : number.toExponential(1));

function factsOf(head) { // of the chosen query: how many keys share its weight, and which has most
  const at = STEPS.indexOf("weights");
  if (at < 0 || data.run[0] * data.run[1] > 1) return null;
  const row = numbers(head, at).subarray(state.chosen * columns, (state.chosen + 1) * columns);
  let entropy = 0, best = -1;
  row.forEach((weight, key) => {
    if (weight > 0) entropy -= weight * Math.log(weight);
    if (weight > (best < 0 ? 0 : row[best])) best = key;
  });
  return best < 0 ? null : { key: best, weight: row[best], effective: Math.exp(entropy) };
}

function rowFacts() {
  const facts = factsOf(state.head);
  if (facts === null) return "";
  const values = { query: apart(shown(data.queries[state.chosen])), key: apart(shown(data.keys[facts.key])) };
  return say("row_facts", { ...values, effective: rounded(facts.effective), weight: rounded(facts.weight) });
}

function tellScale() {
  const text = data.scale === null ? "" : say("scaled", {
    scale: rounded(data.scale * state.factor), factor: rounded(state.factor), temperature: rounded(1 / state.factor),
  });
  element("scaled").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  element("row").textContent = rowFacts();
  tellVariants();
}

slider.addEventListener("input", () => {
  state.factor = 2 ** Number(slider.value);
  unpacked.clear();
  refresh();
});
element("unscaled").addEventListener("click", () => {
  slider.value = "0";
  slider.dispatchEvent(new Event("input"));
});
element("scaling").hidden = data.scale === null;
