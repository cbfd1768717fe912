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

function extent() { // what the ends of the palette stand for; variants share it
  const heads = data.variants === null ? [state.head] : [...data.variants.keys()];
  return range(heads.map((head) => numbers(head, state.step)), state.step >= STEPS.indexOf("weights"));
}

function range(arrays, fromZero) {
  let low = Infinity, high = -Infinity;
  for (const array of arrays) {
    for (const number of array) {
      if (!Number.isFinite(number)) continue;
      if (number < low) low = number;
      if (number > high) high = number;
    }
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
const MOST = 18, WIDEST = 118, segmenter = new Intl.Segmenter(), shortened = new Map();
const ruler = document.createElement("canvas").getContext("2d");
function short(label) { // a letter and its accents are cut off together; letters of some languages are wide
  if (!shortened.has(label)) {
    const parts = Array.from(segmenter.segment(shown(label)), (each) => each.segment);
    const cut = (count) => (count < parts.length ? parts.slice(0, count).join("") + "…" : parts.join(""));
    let count = parts.length > MOST ? MOST - 1 : parts.length;
    ruler.font = "12px system-ui, sans-serif";
    while (count > 1 && ruler.measureText(cut(count)).width > WIDEST) count -= 1;
    shortened.set(label, cut(count));
  }
  return shortened.get(label);
}
const matches = (label) => state.query !== "" && label.toLowerCase().includes(state.query.toLowerCase());
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
