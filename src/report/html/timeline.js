// ---- a language model's run in time: the run, one pass of it, one layer ----

class Timeline {
  constructor(panel) {
    this.panel = panel;
    new ResizeObserver(() => this.draw()).observe(panel);
  }

  show(run) {
    const t = run.timeline;
    this.panel.hidden = !t;
    this.data = null;
    if (!t) return;
    let begin = 0;
    const passes = [];
    for (const phase of t.phases)
      for (const [tokens, cycles, works, inLayers] of phase.spans) {
        const n = phase.name === "decode" ? tokens : 1;
        passes.push({ phase: phase.name, tokens, n, begin, cycles, each: cycles / n, works: works.map((w) => w / n), inLayers: inLayers.map((w) => w / n) });
        begin += cycles;
      }
    let token = 0;
    for (const p of passes) if (p.phase === "decode") { p.token = token; token += p.n; }
    this.data = { run, t, passes, total: begin, tokens: token, clock: run.device.clock };
    this.chosen = passes.find((p) => p.phase === "decode") || passes[0];
    this.chosenToken = 0;
    this.build();
  }

  time(cycles) {
    return `${formatCount(cycles)} cycles, ${formatQuantity(cycles / this.data.clock, "s")}`;
  }

  build() {
    const strip = (height, choose) => el("canvas", { class: "strip", style: { height: height + "px" }, onclick: choose, onkeydown: (e) => this.key(e), tabindex: 0, role: "img" });
    this.strips = [strip(96, (e) => this.choose(e)), strip(46, () => {}), strip(46, () => {})];
    this.names = this.strips.map(() => el("div", { class: "strip-name" }));
    this.legend = el("div", {});
    const { t } = this.data;
    const look = (from, to) => (e) => { this.span = [from, to]; pressOne(tabs, e.target); this.draw(); };
    const spans = t.phases.map((phase) => this.data.passes.filter((p) => p.phase === phase.name)).map((all) => [all[0].begin, all[all.length - 1].begin + all[all.length - 1].cycles]);
    const tabs = el("div", { class: "tabs", role: "group", "aria-label": "Which part of the run" }, el("button", { type: "button", onclick: look(0, this.data.total) }, "all of it"),
      t.phases.map((phase, i) => el("button", { type: "button", onclick: look(...spans[i]) }, phase.name)));
    pressOne(tabs, tabs.firstElementChild);
    this.span = [0, this.data.total];
    this.panel.replaceChildren(el("h2", {}, "In time"),
      el("p", { class: "faint" }, "The run from left to right; the height is what a pass through the model costs by kind of work. Click a part of it, or step through it with the arrow keys, to see its layers below."),
      tabs, ...this.strips.flatMap((s, i) => [this.names[i], s]), this.legend);
    this.draw();
  }

  choose(e) {
    const { passes } = this.data, [from, to] = this.span, at = from + (e.offsetX / this.strips[0].clientWidth) * (to - from);
    this.chosen = passes.find((p) => at < p.begin + p.cycles) || passes[passes.length - 1];
    this.chosenToken = Math.max(0, Math.min(this.chosen.n - 1, Math.floor((at - this.chosen.begin) / this.chosen.each)));
    this.draw();
  }

  // To the pass before or after.
  key(e) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!by) return;
    e.preventDefault();
    const { passes } = this.data, i = passes.indexOf(this.chosen);
    this.chosenToken += by;
    if (this.chosenToken < 0 || this.chosenToken >= this.chosen.n) {
      const next = passes[i + by];
      this.chosenToken = next ? (by > 0 ? 0 : next.n - 1) : this.chosenToken - by;
      this.chosen = next || this.chosen;
    }
    this.draw();
  }

  colours() { return WORK_COLOURS.map(themed); }

  draw() {
    if (!this.data || this.panel.hidden || !this.strips) return;
    this.drawRun();
    this.drawPass();
    this.drawLayer();
  }

  name(i, left, right) {
    this.names[i].replaceChildren(el("b", {}, left), el("span", { class: "faint num" }, right));
    this.strips[i].setAttribute("aria-label", left + ": " + right);
  }

  drawRun() {
    const { passes, total, tokens } = this.data, canvas = this.strips[0], w = canvas.clientWidth, h = 96;
    const ctx = fitCanvas(canvas, w, h), colours = this.colours();
    // Prefill is many tokens in one pass, and decode one: each phase has a scale of its own, or decode would be flat.
    const highest = (phase) => Math.max(...passes.filter((p) => p.phase === phase).map((p) => p.each));
    const scales = { prefill: highest("prefill"), relayout: highest("relayout"), decode: highest("decode") };
    const [from, to] = this.span, X = (cycles) => ((cycles - from) / (to - from)) * w;
    ctx.fillStyle = themed("--soft");
    ctx.fillRect(0, 0, w, h);
    for (const p of passes) {
      const x = X(p.begin), width = Math.max(1, X(p.begin + p.cycles) - x), k = (h - 22) / scales[p.phase];
      if (x > w || x + width < 0) continue;
      let y = h;
      p.works.forEach((work, i) => {
        ctx.fillStyle = colours[i];
        ctx.fillRect(x, y - work * k, width, work * k);
        y -= work * k;
      });
    }
    this.drawPhaseNames(ctx, X, w);
    const x = X(this.chosen.begin + this.chosenToken * this.chosen.each);
    ctx.fillStyle = "#ff5a4f";
    ctx.fillRect(Math.min(w - 3, x), 0, Math.max(3, X(from + this.chosen.each)), 4);
    ctx.fillRect(Math.min(w - 2, x), 0, 2, h);
    this.name(0, "The run", `${this.time(total)}${tokens ? `; ${formatCount(tokens)} tokens made` : ""}`);
  }

  drawPhaseNames(ctx, X, w) {
    ctx.font = "12px system-ui, sans-serif";
    ctx.textBaseline = "top";
    let after = 0;
    for (const phase of this.data.t.phases) {
      const mine = this.data.passes.filter((p) => p.phase === phase.name);
      if (!mine.length) continue;
      const x = X(mine[0].begin), end = X(sum(mine.map((p) => p.cycles)) + mine[0].begin), wide = ctx.measureText(phase.name).width + 10;
      ctx.fillStyle = themed("--faint");
      ctx.fillRect(x, 0, 1, 96);
      if (x >= after && x + wide <= Math.min(w, end)) {
        ctx.fillStyle = themed("--text");
        ctx.fillText(phase.name, x + 5, 5);
        after = x + wide;
      }
    }
  }

  passName() {
    const p = this.chosen;
    if (p.phase === "decode") return `Token ${formatCount(p.token + this.chosenToken + 1)} of decode`;
    return p.phase === "prefill" ? `Prefill of ${formatCount(p.tokens)} tokens` : "Relayout, and the first logits";
  }

  // Layers are alike; what is not in them comes after them.
  drawPass() {
    const p = this.chosen, canvas = this.strips[1], w = canvas.clientWidth, ctx = fitCanvas(canvas, w, 46);
    const layered = sum(p.inLayers), layers = layered > 0 ? this.data.t.layers : 0, total = p.each;
    let x = 0;
    ctx.fillStyle = themed("--soft");
    ctx.fillRect(0, 0, w, 46);
    for (let i = 0; i < layers; i++) {
      this.drawWorks(ctx, p.inLayers.map((v) => v / layers), x, (layered / layers / total) * w, 46);
      x += (layered / layers / total) * w;
    }
    this.drawWorks(ctx, p.works.map((v, i) => v - p.inLayers[i]), x, w - x, 46);
    ctx.fillStyle = themed("--panel");
    for (let i = 1; i <= layers; i++) ctx.fillRect((i * layered * w) / layers / total - 0.75, 0, w / layers > 6 ? 1.5 : 0.5, 46);
    const rest = total - layered;
    this.name(1, this.passName(), `${this.time(total)}${layers ? `: ${layers} layers of ${formatCount(layered / layers)}` : ""}${rest > 0.5 ? `, ${layers ? "output and stages " : ""}${formatCount(rest)}` : ""}`);
  }

  drawWorks(ctx, works, x, width, height) {
    const total = sum(works), colours = this.colours();
    works.forEach((work, i) => {
      if (!(work > 0)) return;
      ctx.fillStyle = colours[i];
      ctx.fillRect(x, 0, (work / total) * width + 0.3, height);
      x += (work / total) * width;
    });
  }

  drawLayer() {
    const p = this.chosen, layers = this.data.t.layers, inLayers = sum(p.inLayers) > 0;
    const works = inLayers ? p.inLayers.map((v) => v / layers) : p.works, canvas = this.strips[2];
    const ctx = fitCanvas(canvas, canvas.clientWidth, 46), colours = this.colours(), total = sum(works);
    this.drawWorks(ctx, works, 0, canvas.clientWidth, 46);
    this.name(2, inLayers ? "One of its layers, by kind of work" : "Its kinds of work", this.time(total));
    const parts = works.map((value, i) => ({ name: WORK_NAMES[this.data.t.works[i].replace("kv ", "")] || this.data.t.works[i], value, colour: colours[i] })).filter((part) => part.value > 0);
    this.legend.replaceChildren(el("div", { class: "legend", style: { marginTop: ".5rem" } }, parts.map((part) =>
      el("div", {}, el("span", {}, swatch(part.colour), part.name), el("span", { class: "num" }, `${formatCount(part.value)} \u00b7 ${formatPercent(part.value / total)}`)))));
  }
}
