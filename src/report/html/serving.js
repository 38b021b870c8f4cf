// ---- serving over time: requests, who waits, the cache, regions; and latency by rate ----

// Digits of each power of ten that lie between two numbers.
function powersBetween(least, most, digits) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++)
    ticks.push(...digits.map((digit) => digit * Math.pow(10, power)));
  return ticks.filter((v) => v >= least && v <= most);
}

// Three at least: of powers of ten, or, where these are too few, of even steps of 1, 2 or 5.
function ticksBetween(least, most) {
  for (const digits of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
    const ticks = powersBetween(least, most, digits);
    if (ticks.length >= 3) return ticks;
  }
  const third = (most - least) / 3, power = Math.pow(10, Math.floor(Math.log10(third)));
  const step = power * [5, 2, 1].find((digit) => digit * power <= third * (1 + 1e-9));
  const first = Math.ceil(least / step), n = Math.floor(most / step) - first + 1;
  return Array.from({ length: n }, (_, i) => (first + i) * step);
}

const TOP = 16; // of a strip, above what is drawn: for the number there

const SERVE_INPUTS = ["model", "device", "wafers", "policy", "placed_for", "mode", "requests", "trace", "seed", "slo_ttft_s", "slo_tpot_s", "rows", "cols", "stages", "replicas", "replicas_prompt", "batch", "chunk"];

// Every so many of them that their labels, from middle - half to middle + half, do not touch.
function thinTicks(ticks, middle, half) {
  for (let by = 1; ; by++) {
    const kept = ticks.filter((_, i) => i % by === 0);
    if (kept.length < 3 || kept.every((v, i) => !i || Math.abs(middle(v) - middle(kept[i - 1])) >= half(v) + half(kept[i - 1]))) return kept;
  }
}

// 0.01, 30, 1.5 k; with a unit 300 ms.
const formatTick = (v, unit) => (unit || v >= 1000 ? formatQuantity(v, unit).replace(/\.?0+ /, " ").trim() : v.toLocaleString("en-US", { maximumSignificantDigits: 4 }));

class Serving {
  constructor(panel, curve, runs) {
    Object.assign(this, { panel, curve, runs });
    for (const each of [panel, curve]) new ResizeObserver(() => this.draw()).observe(each);
  }

  show(run) {
    const s = (this.data = run.serving);
    this.run = run;
    this.points = isServe(run.record) ? this.findPoints() : [];
    this.panel.hidden = !s;
    this.curve.hidden = this.points.length < 2;
    if (s) this.buildTime(s);
    if (!this.curve.hidden) this.buildCurve();
    this.draw();
  }

  buildTime(s) {
    this.total = s.waiting.length * s.seconds;
    const strip = (tall) => el("canvas", { class: tall ? "strip tall" : "strip", role: "img", tabindex: 0, style: tall ? null : { height: "84px" }, onpointermove: (e) => this.pointAt(e), onpointerleave: () => this.point(-1), onkeydown: (e) => this.key(e), onblur: () => this.point(-1) });
    const names = (this.names = ["Requests", "How many", "Cache", "Regions"]);
    this.strips = names.map((_, i) => strip(i === 0));
    this.strips[3].style.height = Math.max(20, Math.min(220, s.regions.length * (s.regions.length > 24 ? 6 : 10))) + "px";
    this.says = names.map(() => el("span", { class: "faint num" }));
    this.panel.replaceChildren(el("h2", {}, "Over time"),
      el("p", { class: "faint" }, "Virtual time goes from left to right, the same in all four pictures; point at a moment for its numbers, or go from one to the next with the arrow keys (with shift ten on)."),
      ...names.flatMap((name, i) => [el("div", { class: "strip-name" }, el("b", {}, name), this.says[i]), this.strips[i]]),
      el("div", { class: "axis" }, [0, 0.25, 0.5, 0.75, 1].map((x) => el("span", {}, x ? formatQuantity(x * this.total, "s") : "0 s"))));
  }

  tried() { return (this.data && this.data.tried) || []; }

  buildCurve() {
    this.canvases = [el("canvas", { role: "img" }), el("canvas", { role: "img" }), el("canvas", { role: "img" })];
    this.curve.replaceChildren(el("h2", {}, "By requests a second"),
      el("p", { class: "faint" }, this.tried().length > 1 ? "The rates that --find-rate has tried. Filled points met the SLO." : "The runs of this page that differ from this one in the rate alone. The ring marks the run above."),
      el("div", { class: "curves" }, this.canvases), el("p", { class: "faint shared" }, this.tried().length > 1 ? "" : this.sharedText()));
  }

  // Of the runs of a curve; a record that does not name its command line has fields that say nearly as much.
  shared(r) {
    const options = optionsOf(r) || pickOf(r, SERVE_INPUTS);
    return Object.entries(options).filter(([name]) => name !== "--rate").sort();
  }

  sharedText() {
    const r = this.run.record, shared = this.shared(r);
    return optionsOf(r) ? `Their command lines have in common: ${shared.map(optionText).join(" ") || "the defaults"}.`
      : `Their records, which do not name their command lines, have in common: ${shared.map((pair) => pair.join(" ")).join(", ")}.`;
  }

  // [rate, TTFT, TPOT, tokens/s, good], by rate: what was tried in this run, or else the page's runs that are alike.
  findPoints() {
    const r = this.run.record, tried = this.tried();
    const inputs = (o) => JSON.stringify([o.model, o.device, this.shared(o)]), alike = (o) => isServe(o) && inputs(o) === inputs(r);
    const points = tried.length > 1 ? tried.map(([rate, ttft, tpot, speed, good]) => ({ rate, ttft, tpot, speed, good: good >= 0.99 }))
      : this.runs.filter((run) => alike(run.record)).map(({ record: o }) => ({ rate: o.rate, ttft: o.ttft_p99_s, tpot: o.tpot_p99_s, speed: o.throughput_tok_s, good: false, here: o === r }));
    return points.filter((p) => p.rate > 0).sort((a, b) => a.rate - b.rate);
  }

  draw() {
    if (!this.run) return;
    if (this.data) {
      this.drawRequests();
      this.drawCounts();
      this.drawCache();
      this.drawRegions();
      this.point(-1);
    }
    if (!this.curve.hidden) this.drawCurves();
  }

  fit(i) {
    const canvas = this.strips[i], w = canvas.clientWidth, h = canvas.clientHeight, ctx = fitCanvas(canvas, w, h);
    ctx.fillStyle = themed("--soft");
    ctx.fillRect(0, 0, w, h);
    return { ctx, w, h };
  }

  // A line for each, from its arrival to its last token: what comes before the first token in another colour.
  drawRequests() {
    const { ctx, w, h } = this.fit(0), { requests } = this.data, X = (t) => (t / this.total) * w, each = h / requests.length;
    const [waits, makes] = [themed("--w1"), themed("--w0")];
    requests.forEach(([arrival, first, last], i) => {
      const y = i * each, height = Math.max(1, each * 0.8);
      ctx.fillStyle = waits;
      ctx.fillRect(X(arrival), y, Math.max(0.8, X(first) - X(arrival)), height);
      ctx.fillStyle = makes;
      ctx.fillRect(X(first), y, Math.max(0.8, X(last) - X(first)), height);
    });
  }

  // The line of the most that there is room for, and its number.
  top(ctx, w, text, colour) {
    ctx.fillStyle = themed(colour);
    ctx.fillRect(0, TOP - 1, w, 1);
    ctx.font = "11px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    ctx.fillText(text, 4, TOP / 2);
  }

  area(ctx, values, most, w, h, colour, below) {
    const n = values.length, Y = (v) => h - ((h - TOP) * v) / most;
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.moveTo(0, Y(below ? below[0] : 0));
    for (let i = 0; i < n; i++) for (const x of [i, i + 1]) ctx.lineTo((x / n) * w, Y(values[i]));
    for (let i = n - 1; i >= 0; i--) for (const x of [i + 1, i]) ctx.lineTo((x / n) * w, Y(below ? below[i] : 0));
    ctx.fill();
  }

  drawCounts() {
    const { ctx, w, h } = this.fit(1), { decoding, reading, waiting } = this.data;
    const read = decoding.map((v, i) => v + reading[i]), all = read.map((v, i) => v + waiting[i]), most = Math.max(...all, 1e-9);
    this.area(ctx, decoding, most, w, h, themed("--w0"));
    this.area(ctx, read, most, w, h, themed("--w2"), decoding);
    this.area(ctx, all, most, w, h, themed("--w1"), read);
    this.top(ctx, w, formatCount(most, 1), "--faint");
  }

  drawCache() {
    const { ctx, w, h } = this.fit(2), { cache, room } = this.data, most = Math.max(...cache, 1e-9);
    const scale = most > 0.25 * room ? room : most;
    this.area(ctx, cache, scale, w, h, themed("--w3"));
    if (scale === room) this.top(ctx, w, `${formatCount(room)} tokens have room`, "--bad");
    else this.top(ctx, w, `${formatCount(scale, 0)} tokens`, "--faint");
  }

  drawRegions() {
    const { ctx, w, h } = this.fit(3), { regions } = this.data, high = h / regions.length, n = this.data.waiting.length;
    ctx.fillStyle = themed("--w0");
    regions.forEach((busy, row) => busy.forEach((share, i) => {
      ctx.globalAlpha = Math.min(1, share);
      ctx.fillRect((i / n) * w, row * high, w / n + 0.4, Math.max(1, high - (high > 4 ? 1 : 0)));
    }));
    ctx.globalAlpha = 1;
  }

  pointAt(e) {
    const n = this.data.waiting.length, { clientWidth } = e.target;
    this.point(clientWidth ? Math.max(0, Math.min(n - 1, Math.floor((e.offsetX / clientWidth) * n))) : -1);
  }

  key(e) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key], n = this.data.waiting.length;
    if (!by) return;
    e.preventDefault();
    this.point(this.moment < 0 ? (by > 0 ? 0 : n - 1) : Math.max(0, Math.min(n - 1, this.moment + by * (e.shiftKey ? 10 : 1))));
  }

  // What is said above the pictures: of the i-th moment, or, of -1, of all.
  point(i) {
    const s = this.data, n = s.waiting.length;
    this.moment = i;
    const mean = (list) => sum(list) / n, of = (list) => (i < 0 ? mean(list) : list[i]), busy = s.regions.map(of);
    const copies = s.copies || busy.map(() => 1), all = sum(copies); // an older page does not say
    const when = i < 0 ? "in the mean" : `at ${formatQuantity((i + 0.5) * s.seconds, "s")}`, t = (i + 0.5) * s.seconds;
    const under = s.requests.filter(([arrival, , last]) => arrival <= t && t < last).length, colours = ["--w1", "--w2", "--w0"].map((c) => swatch(`var(${c})`));
    const texts = [
      [colours[0].cloneNode(), "until the first token ", colours[2].cloneNode(), i < 0 ? "from then on" : `from then on; ${formatCount(under)} of those drawn are here ${when}`],
      [colours[0], `${formatCount(of(s.waiting), 1)} wait `, colours[1], `${formatCount(of(s.reading), 1)} are read `, colours[2], `${formatCount(of(s.decoding), 1)} make tokens ${when}`],
      [`${formatCount(Math.round(of(s.cache)))} of ${formatCount(s.room)} tokens ${when}`],
      [`${formatPercent(sum(busy.map((share, k) => share * copies[k])) / all)} of ${all} at work ${when}`]];
    this.says.forEach((place, k) => place.replaceChildren(...texts[k]));
    this.strips.forEach((strip, k) => strip.setAttribute("aria-label", `${this.names[k]}: ${this.says[k].textContent}`));
  }

  drawCurves() {
    const r = this.run.record;
    this.drawCurve(this.canvases[0], "Time to first token, 99 % within", "ttft", "s", r.slo_ttft_s);
    this.drawCurve(this.canvases[1], "Time per token, 99 % within", "tpot", "s", r.slo_tpot_s);
    this.drawCurve(this.canvases[2], "Tokens a second", "speed", "", null);
  }

  // Both axes are logarithmic.
  drawCurve(canvas, title, key, unit, limit) {
    const w = canvas.clientWidth, h = canvas.clientHeight, ctx = fitCanvas(canvas, w, h), points = this.points.filter((p) => p[key] > 0);
    const [left, top, bottom, right] = [66, 26, 24, 12], values = points.map((p) => p[key]).concat(limit > 0 ? [limit] : []);
    const ends = (list) => [Math.log(Math.min(...list)) - 0.08, Math.log(Math.max(...list)) + 0.08];
    const [x0, x1] = ends(points.map((p) => p.rate)), [y0, y1] = ends(values);
    const X = (v) => left + ((Math.log(v) - x0) / (x1 - x0)) * (w - left - right), Y = (v) => h - bottom - ((Math.log(v) - y0) / (y1 - y0)) * (h - top - bottom);
    ctx.clearRect(0, 0, w, h);
    ctx.font = "12px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    thinTicks(ticksBetween(Math.exp(y0), Math.exp(y1)), Y, () => 9).forEach((v) => {
      ctx.fillStyle = themed("--line");
      ctx.fillRect(left, Y(v), w - left - right, 1);
      ctx.fillStyle = themed("--faint");
      ctx.textAlign = "right";
      ctx.fillText(formatTick(v, unit), left - 8, Y(v));
    });
    const half = (v) => ctx.measureText(formatTick(v, "")).width / 2 + 5;
    thinTicks(ticksBetween(Math.exp(x0), Math.exp(x1)), X, half).forEach((v) => {
      ctx.fillStyle = themed("--faint");
      ctx.textAlign = "center";
      ctx.fillText(formatTick(v, ""), Math.min(X(v), w - half(v) + 5), h - bottom + 14);
    });
    if (limit > 0) {
      ctx.fillStyle = themed("--bad");
      ctx.fillRect(left, Y(limit) - 0.75, w - left - right, 1.5);
      ctx.textAlign = "left";
      ctx.fillText("SLO", left + 4, Y(limit) < top + 12 ? Y(limit) + 10 : Y(limit) - 9);
    }
    this.drawLine(ctx, points, (p) => X(p.rate), (p) => Y(p[key]));
    ctx.fillStyle = themed("--text");
    ctx.textAlign = "left";
    ctx.font = "600 13px system-ui, sans-serif";
    ctx.fillText(title, 0, 9);
    canvas.setAttribute("aria-label", `${title}: ${points.map((p) => `${formatCount(p.rate, 3)} requests/s ${formatQuantity(p[key], unit)}`).join(", ")}`);
  }

  drawLine(ctx, points, X, Y) {
    ctx.strokeStyle = ctx.fillStyle = themed("--accent");
    ctx.lineWidth = 2;
    ctx.beginPath();
    points.forEach((p, i) => (i ? ctx.lineTo(X(p), Y(p)) : ctx.moveTo(X(p), Y(p))));
    ctx.stroke();
    for (const p of points) {
      ctx.beginPath();
      ctx.arc(X(p), Y(p), p.here ? 6 : 3.5, 0, 7);
      ctx.fillStyle = p.good || !this.tried().length ? themed("--accent") : themed("--panel");
      if (p.here) ctx.fillStyle = themed("--panel");
      ctx.fill();
      ctx.stroke();
    }
  }
}
