// ---- what a run comes to: cards, the device's limits, kinds of work ----

const isServe = (record) => record.command === "serve";

const isLlm = (record) => record.command === "llm" || record.command === "generate";

const times = (...sizes) => sizes.filter(isNumber).map((n) => formatCount(n)).join(" \u00d7 ");

const rateOf = (r) => (isNumber(r.rate) ? `${formatCount(r.rate)} requests/s` : "all at the start");

const sizesOf = (r) => `${times(r.m, r.k, r.n)} on ${times(r.rows, r.cols)} cores`;

// The options of its command line, but for those that change no result; null: it does not say.
const NO_RESULT = ["json", "report", "quiet", "text", "dump", "checkpoint", "color", "stall", "ranks", "trace-cores", "trace-events"].map((name) => "--" + name);

function optionsOf(record) {
  const line = record.provenance?.line, options = {};
  if (!Array.isArray(line)) return null;
  for (let i = 1; i < line.length; i++) {
    const [word, next] = [String(line[i]), String(line[i + 1] ?? "-?")], [name] = word.split("=", 1);
    if (!name.startsWith("-")) continue;
    options[name] = word.slice(name.length + 1);
    if (name === word && !/^-./.test(next)) options[name] = String(line[++i]);
  }
  for (const name of isServe(record) ? NO_RESULT : [...NO_RESULT, "--trace"]) delete options[name];
  return options;
}

const optionText = ([name, value]) => name + (value ? (name.startsWith("--") ? "=" : " ") + value : "");

const pickOf = (record, keys) => Object.fromEntries(keys.filter((key) => (record[key] ?? "") !== "").map((key) => [key, String(record[key])]));

// What tells runs of one name apart, the plainest first: a sweep's point, options, what the record says.
const TRAITS = [(r) => (r.point ? { run: r.run, ...pickOf(r.point, Object.keys(r.point)) } : null), optionsOf,
  (r) => pickOf(r, ["dtype", "mode", "kernel", "ranks", "ranks_grid", "version"]), (r) => pickOf(r, ["date"])];

// Gives each run a name for lists; those that would have the same one say in what they differ.
function nameRuns(runs) {
  for (const run of runs) run.name = runName(run);
  for (const traitsOf of TRAITS)
    for (const name of new Set(runs.map((run) => run.name))) {
      const alike = runs.filter((run) => run.name === name), traits = alike.map((run) => traitsOf(run.record) || {});
      const keys = [...new Set(traits.flatMap(Object.keys))].filter((key) => new Set(traits.map((t) => t[key])).size > 1);
      alike.forEach((run, i) => {
        const mine = keys.filter((key) => traits[i][key] !== undefined).map((key) => (key.startsWith("-") ? optionText([key, traits[i][key]]) : `${key} ${traits[i][key]}`));
        run.name = [run.name, ...mine].join(", ");
      });
    }
}

function runName(run) {
  const r = run.record;
  if (isServe(r)) return `serve ${r.model}: ${rateOf(r)} on ${r.wafers} ${r.device}, ${r.policy}`;
  if (isLlm(r)) return `${r.command} ${r.model || ""}: ${formatCount(r.prompt_tokens || 0)} + ${formatCount(r.output_tokens || 0)} tokens, ${r.device || ""}${r.plan && r.plan !== "waferllm" ? ", " + r.plan : ""}`;
  return `${r.command} ${r.algorithm || ""}: ${sizesOf(r)} of ${r.device}`;
}

function runSubtitle(run) {
  const r = run.record, device = run.device ? run.device.title : r.device;
  const ranks = isNumber(r.ranks) ? `${r.ranks} ${r.ranks === 1 ? "rank" : "ranks"}${r.ranks_grid ? " as " + r.ranks_grid : ""}` : "";
  return [device, r.dtype, r.mode === "timing" ? "timing mode" : "with values", ranks].filter(Boolean).join(" \u00b7 ");
}

const card = (name, value, more, bad) =>
  el("dl", { class: bad ? "card bad" : "card" }, el("dt", {}, name), el("dd", {}, value), more ? el("small", {}, more) : null);

function opCards(r, over) {
  return [
    card("Cycles", formatCount(r.cycles), formatQuantity(r.virtual_s, "s") + " of virtual time"),
    isNumber(r.efficiency) ? card("Compute share", formatPercent(r.efficiency), "of the time, cores multiply") : null,
    card("SRAM of a core", formatCount(r.sram_peak_bytes) + " B", `of ${formatCount(r.sram_limit_bytes)} at its peak`, over("M")),
    card("Routes", formatCount(r.routes_max), `of ${formatCount(r.routes_limit)} in the busiest router`, over("R")),
    card("Longest path", formatCount(r.hops_critical), `hops, and ${formatCount(r.stages_critical)} stages of software`),
    card("Traffic", formatQuantity(r.wavelet_hops, ""), "wavelets times links"),
    isNumber(r.energy_j) ? card("Energy", formatQuantity(r.energy_j, "J"), "by the system's power" + (isNumber(r.energy_estimate_j) ? `; ${formatQuantity(r.energy_estimate_j, "J")} from the bottom up` : "")) : null,
    isNumber(r.verify_max_rel_err) ? card("Error", r.verify_max_rel_err.toExponential(1), `${r.verified === "yes" ? "as rounding allows" : "more than rounding allows"}, ${formatCount(r.verify_elements)} checked`, r.verified === "no") : null,
    card("On the host", formatQuantity(r.wall_s, "s"), r.kernel ? `kernel ${r.kernel}` : "time plane alone"),
  ];
}

function llmCards(r, over) {
  const rate = (v) => formatCount(v, v < 100 ? 1 : 0);
  return [
    isNumber(r.ttft_s) ? card("Time to first token", formatQuantity(r.ttft_s, "s"), `prompt of ${formatCount(r.prompt_tokens)} tokens`) : null,
    isNumber(r.tpot_s) ? card("Time per token", formatQuantity(r.tpot_s, "s"), "in decode") : null,
    isNumber(r.tpr_decode) ? card("Decode", rate(r.tpr_decode), "tokens/s of each request") : null,
    isNumber(r.tpr_prefill) ? card("Prefill", rate(r.tpr_prefill), "tokens/s") : null,
    isNumber(r.tpr_e2e) ? card("End to end", rate(r.tpr_e2e), "tokens/s, prompt included") : null,
    card("SRAM of a core", formatCount(r.sram_peak_bytes) + " B", `of ${formatCount(r.sram_limit_bytes)} in the fullest`, over("M")),
    card("Routes", formatCount(r.routes_max), "in the busiest router", over("R")),
    isNumber(r.kv_capacity_tokens) ? card("KV cache", formatQuantity(r.kv_capacity_tokens, "").trim(), `tokens have room; ${r.kv}`) : null,
    isNumber(r.stages) ? card("Stages", formatCount(r.stages), `of ${formatCount(r.regions)} regions that the wafer has`) : null,
    isNumber(r.energy_j) ? card("Energy", formatQuantity(r.energy_j, "J"), "by one device's power" + (isNumber(r.energy_estimate_j) ? `; ${formatQuantity(r.energy_estimate_j, "J")} from the bottom up` : "")) : null,
    card("On the host", formatQuantity(r.wall_s, "s"), r.mode === "timing" ? "time plane alone" : `kernel ${r.kernel}`),
  ];
}

function serveCards(r) {
  const times = (key, what) => card(what, formatQuantity(r[key + "_p50_s"], "s"), `half within; 99 % within ${formatQuantity(r[key + "_p99_s"], "s")}`);
  return [
    card("Requests", formatCount(r.requests), `${isNumber(r.rate) ? `${formatCount(r.rate)} a second` : "at the start"}, in ${formatQuantity(r.virtual_s, "s")}`),
    times("ttft", "Time to first token"), times("tpot", "Time per token"), times("e2e", "End to end"),
    card("Throughput", formatCount(r.throughput_tok_s, r.throughput_tok_s < 100 ? 1 : 0), "tokens/s made, by all wafers"),
    isNumber(r.goodput_req_s) ? card("Goodput", formatCount(r.goodput_req_s), "requests/s that met the SLO") : null,
    card("Regions", formatPercent(r.utilisation), `of the time at work; ${formatCount(r.stages)} of ${formatCount(r.regions)} used${r.replicas > 1 ? `, ${formatCount(r.replicas)} times` : ""}`),
    card("Cache", formatPercent(r.kv_peak_tokens / r.kv_capacity_tokens), `full at most: ${formatCount(r.kv_peak_tokens)} tokens`),
    isNumber(r.energy_j) ? card("Energy", formatQuantity(r.energy_j / r.output_tokens, "J"), "a token made, by the system's power") : null,
  ];
}

function showCards(section, run) {
  const r = run.record, over = (letter) => (r.violates || "").split(",").includes(letter);
  if (r.error) {
    section.replaceChildren(el("p", { class: "note" }, `${r.algorithm} does not fit the device: ${r.error}`));
    return;
  }
  section.replaceChildren(...(isServe(r) ? serveCards : isLlm(r) ? llmCards : opCards)(r, over).filter(Boolean));
}

// ---- P, L, M, R ----

// Without a meter where nobody knows of how much it is a share.
function limitRow(letter, what, value, share, over, more) {
  return el("div", { class: over ? "limit over" : "limit" }, el("b", { "aria-hidden": "true" }, letter),
    el("div", { class: "what" }, el("span", {}, what), el("span", { class: "num" }, value)),
    el("div", {}, isNumber(share) ? el("div", { class: "meter" }, el("i", { style: { width: Math.min(100, Math.max(0, 100 * share)) + "%" } })) : null,
      el("p", {}, more)));
}

function parallelRow(r, device) {
  const rows = isLlm(r) ? r.decode_rows || r.prefill_rows : r.rows, cols = isLlm(r) ? r.decode_cols || r.prefill_cols : r.cols;
  const cores = rows * cols * (isLlm(r) ? Math.min(r.stages || r.prefill_stages || 1, r.regions || 1) : 1), all = device ? device.rows * device.cols : null;
  const busy = isLlm(r) ? "one request is in one region at a time" : isNumber(r.efficiency) ? `they multiply for ${formatPercent(r.efficiency)} of the time` : "nothing is multiplied";
  return limitRow("P", "Cores", all ? `${formatCount(cores)} of ${formatCount(all)}` : formatCount(cores), all ? cores / all : null, false, busy);
}

// What distance alone costs: hops, and the stages where software forwards.
function latencyRow(r, device) {
  if (isLlm(r)) {
    const all = ["projection", "attention", "elements", "allreduce", "shift", "relayout", "experts", "stages"].map((w) => r["cycles_" + w] || 0);
    const share = (r.cycles_allreduce + r.cycles_stages + r.cycles_shift + r.cycles_relayout) / sum(all);
    return limitRow("L", "Communication", formatPercent(share), share, false, "of the cycles go to allreduces, shifts, relayout and stages");
  }
  const stage = device ? 2 * device.ramp + device.stage : null;
  const cycles = device ? r.hops_critical * device.hop + r.stages_critical * stage : NaN;
  return limitRow("L", "Longest path", `${formatCount(r.hops_critical)} hops, ${formatCount(r.stages_critical)} stages`, cycles / r.cycles, false,
    device ? `${formatCount(cycles)} cycles if nothing hid them, at ${formatCount(device.hop)} a hop and ${formatCount(stage)} a stage` : "along the longest path of each verb");
}

function showLimits(panel, run) {
  const r = run.record, device = run.device, routes = r.routes_limit || (device && device.routes);
  const over = (letter) => (r.violates || "").split(",").includes(letter);
  panel.hidden = Boolean(r.error) || isServe(r);
  if (panel.hidden) return;
  panel.replaceChildren(el("h2", {}, "P, L, M and R"),
    parallelRow(r, device), latencyRow(r, device),
    limitRow("M", "Memory of a core", `${formatCount(r.sram_peak_bytes)} of ${formatCount(r.sram_limit_bytes)} B`, r.sram_peak_bytes / r.sram_limit_bytes, over("M"),
      over("M") ? "more than a core has: this program would not run on the device" : `${formatPercent(1 - r.sram_peak_bytes / r.sram_limit_bytes)} is free in the fullest core`),
    limitRow("R", "Routes of a router", routes ? `${formatCount(r.routes_max)} of ${formatCount(routes)}` : formatCount(r.routes_max), routes ? r.routes_max / routes : null, over("R"),
      over("R") ? "more than a router holds: this program would not run on the device" : "in the busiest router"));
}

// ---- kinds of work ----

// In the order of their colours.
const WORK_NAMES = { projection: "products with weights", attention: "attention", elements: "norms and other elements", allreduce: "allreduces", shift: "shifts of the cache", relayout: "relayout", experts: "ways to experts", stages: "on to the next region", outside: "waiting for weights from outside" };

function workParts(run) {
  const r = run.record;
  if (isLlm(r)) {
    return Object.entries(WORK_NAMES).map(([key, name], i) => ({ name, value: r["cycles_" + key] || 0, colour: `var(${WORK_COLOURS[i]})` }));
  }
  const map = run.maps[0];
  if (!map) return [{ name: "computes", value: r.compute_cycles || 0, colour: "var(--w0)" }, { name: "all else", value: r.cycles - (r.compute_cycles || 0), colour: "var(--idle)" }];
  const last = map.latest();
  return timeOf(map, last.row, last.col).filter((p) => p.name !== "is done");
}

function showWorks(panel, run) {
  if (isServe(run.record)) { panel.hidden = true; return; }
  const parts = workParts(run), total = sum(parts.map((p) => p.value));
  panel.hidden = !(total > 0);
  if (panel.hidden) return;
  const map = run.maps[0], last = !isLlm(run.record) && map ? map.latest() : null;
  panel.replaceChildren(el("h2", {}, "Cycles by kind of work"),
    el("p", { class: "faint" }, last ? `of core (${last.row}, ${last.col}), the last to be done` : "of the whole run"), stackOf(parts, total, "cycles"));
}

// ---- the record ----

function showRecord(place, run) {
  const rows = Object.entries(run.record).filter(([, v]) => v !== null && v !== "").map(([k, v]) => [k, isNumber(v) ? formatCount(v, 12) : String(v)]);
  place.replaceChildren(tableOf(null, rows));
}
