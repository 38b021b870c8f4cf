// ---- two runs side by side ----

const OP_MEASURES = [
  ["cycles", "Cycles", ""], ["virtual_s", "Virtual time", "s"], ["efficiency", "Compute share", "%"], ["hops_critical", "Hops on the longest path", ""],
  ["stages_critical", "Stages of software", ""], ["routes_max", "Routes of the busiest router", ""], ["sram_peak_bytes", "SRAM of a core", "B"],
  ["wavelet_hops", "Wavelets times links", ""], ["energy_j", "Energy by the system's power", "J"], ["energy_estimate_j", "Energy from the bottom up", "J"], ["verify_max_rel_err", "Error", "e"], ["wall_s", "Wall time on the host", "s"],
];
const LLM_MEASURES = [
  ["ttft_s", "Time to first token", "s"], ["tpot_s", "Time per token", "s"], ["tpr_prefill", "Prefill, tokens/s", ""], ["tpr_decode", "Decode, tokens/s", ""],
  ["tpr_e2e", "End to end, tokens/s", ""], ["prefill_cycles", "Cycles of prefill", ""], ["relayout_cycles", "Cycles of relayout", ""],
  ["decode_cycles_last", "Cycles of the last token", ""], ["cycles_projection", "Cycles: products with weights", ""], ["cycles_attention", "Cycles: attention", ""],
  ["cycles_elements", "Cycles: elements", ""], ["cycles_allreduce", "Cycles: allreduces", ""], ["sram_peak_bytes", "SRAM of a core", "B"],
  ["routes_max", "Routes of the busiest router", ""], ["kv_capacity_tokens", "Tokens that the cache holds", ""], ["stages", "Stages", ""],
  ["energy_j", "Energy by one device's power", "J"], ["energy_estimate_j", "Energy from the bottom up", "J"], ["wall_s", "Wall time on the host", "s"],
];

const SERVE_MEASURES = [
  ["rate", "Requests a second", ""], ["ttft_p50_s", "Time to first token, half within", "s"], ["ttft_p99_s", "99 % within", "s"], ["tpot_p50_s", "Time per token, half within", "s"],
  ["tpot_p99_s", "99 % within", "s"], ["e2e_p99_s", "End to end, 99 % within", "s"], ["throughput_tok_s", "Tokens/s made", ""], ["goodput_req_s", "Requests/s that met the SLO", ""],
  ["utilisation", "Regions at work", "%"], ["kv_peak_tokens", "Tokens in the cache at most", ""], ["energy_j", "Energy by the system's power", "J"],
];
const measuresOf = (record) => (isServe(record) ? SERVE_MEASURES : isLlm(record) ? LLM_MEASURES : OP_MEASURES);

function formatMeasure(value, unit) {
  if (!isNumber(value)) return "\u2013";
  if (unit === "%") return formatPercent(value);
  if (unit === "e") return value.toExponential(1);
  return unit === "s" || unit === "J" ? formatQuantity(value, unit) : formatCount(value) + (unit ? " " + unit : "");
}

function compareRow([key, name, unit], a, b) {
  const x = a.record[key], y = b.record[key];
  if (!isNumber(x) && !isNumber(y)) return null;
  const both = isNumber(x) && isNumber(y), ratio = both && x !== 0 ? y / x : NaN;
  const delta = both ? (y - x > 0 ? "+" : "") + formatMeasure(y - x, unit) : "\u2013";
  return [name, formatMeasure(x, unit), formatMeasure(y, unit), both && x === y ? "same" : delta, isNumber(ratio) ? ratio.toFixed(3) + " \u00d7" : "\u2013"];
}

class Comparison {
  constructor(panel, runs) {
    this.panel = panel;
    this.runs = runs;
    panel.hidden = runs.length < 2;
    this.key = "done";
    if (panel.hidden) return;
    const choose = (i) => el("select", { onchange: () => this.draw() }, runs.map((run, j) => el("option", { value: j, selected: j === i }, `${j + 1}. ${run.name}`)));
    this.a = choose(0);
    this.b = choose(1);
    this.a.setAttribute("aria-label", "The first run");
    this.b.setAttribute("aria-label", "The second run");
    this.table = el("div", {});
    this.tabs = el("div", { class: "tabs", role: "group", "aria-label": "What both maps show" }, QUANTITIES.map((q) =>
      el("button", { type: "button", "data-key": q.key, onclick: () => { this.key = q.key; this.draw(); } }, q.name)));
    this.canvases = [el("canvas", { role: "img" }), el("canvas", { role: "img" })];
    this.captions = [el("p", { class: "num" }), el("p", { class: "num" })];
    this.pair = el("div", { class: "pair" }, this.canvases.map((c, i) => el("div", {}, this.captions[i], c)));
    this.apart = el("p", { class: "faint" });
    panel.replaceChildren(el("h2", {}, "Two runs side by side"), el("div", { class: "pair", style: { marginTop: ".4rem" } }, this.a, this.b), this.table, this.tabs, this.apart, this.pair);
    new ResizeObserver(() => this.draw()).observe(panel);
  }

  chosen() { return [this.runs[Number(this.a.value)], this.runs[Number(this.b.value)]]; }

  draw() {
    if (this.panel.hidden) return;
    const [a, b] = this.chosen(), measures = measuresOf(a.record);
    const comparable = measures === measuresOf(b.record);
    this.table.replaceChildren(comparable
      ? tableOf(["", "first", "second", "second \u2212 first", "second \u00f7 first"], measures.map((m) => compareRow(m, a, b)).filter(Boolean))
      : el("p", { class: "note" }, "These runs are of different kinds and have no measure in common: choose two of a kind."));
    this.drawMaps([a, b]);
  }

  drawMaps(runs) {
    const maps = runs.map((run) => run.maps[run.maps.length - 1]), both = maps[0] && maps[1];
    this.tabs.hidden = this.pair.hidden = !both;
    this.apart.textContent = both || runs.some((run) => isServe(run.record)) ? "" : "Maps need what --report keeps at run time; one of these runs has none.";
    if (!both) return;
    pressOne(this.tabs, this.tabs.querySelector(`[data-key="${this.key}"]`));
    const fields = maps.map((m) => m.field(this.key)), quantity = QUANTITIES.find((q) => q.key === this.key);
    const least = Math.min(...fields.map((f) => f.least)), most = Math.max(...fields.map((f) => f.most));
    this.apart.textContent = `${quantity.name}, both in the same colours: ${formatWith(least, quantity.unit)} (dark) to ${formatWith(most, quantity.unit)} (bright)`;
    maps.forEach((map, i) => {
      const { clientWidth: w, clientHeight: h } = this.canvases[i], ctx = fitCanvas(this.canvases[i], w, h);
      const k = 0.94 * Math.min(w / map.cols, h / map.rows);
      ctx.clearRect(0, 0, w, h);
      ctx.imageSmoothingEnabled = k < 1;
      ctx.drawImage(map.picture(this.key, least, most), (w - map.cols * k) / 2, (h - map.rows * k) / 2, map.cols * k, map.rows * k);
      const { least: low, most: high } = fields[i], span = low === high ? `${formatWith(low, quantity.unit)} in every core` : `${formatWith(low, quantity.unit)} to ${formatWith(high, quantity.unit)}`;
      this.captions[i].textContent = `${runs[i].name}: ${span}`;
      this.canvases[i].setAttribute("aria-label", this.captions[i].textContent);
    });
  }
}
