// ---- the page ----

function setTheme(name) {
  document.documentElement.dataset.theme = name;
}

class Page {
  constructor(data) {
    this.runs = data.runs.map((run) => ({ record: run.record, device: run.device || null, timeline: (!isServe(run.record) && run.timeline) || null, serving: (isServe(run.record) && run.timeline) || null, maps: (run.maps || []).map((m) => new CoreMap(m)) }));
    nameRuns(this.runs);
    this.fromZero = false;
    this.wafer = new Wafer({ canvas: byId("map"), minimap: byId("minimap"), tooltip: byId("tooltip") }, (core) => this.inspect(core));
    this.wafer.onHover = (value) => this.markValue(value);
    this.timeline = new Timeline(byId("timeline"));
    this.serving = new Serving(byId("serving"), byId("curve"), this.runs);
    this.steps = new Steps(byId("steps"));
    this.comparison = new Comparison(byId("compare"), this.runs);
    this.listen();
    this.showNotes(data.notes || []);
    byId("footer").textContent = `Made by plmr ${data.version}. The page is complete in itself: it opens from any place and fetches nothing.`;
    const select = byId("run");
    select.replaceChildren(...this.runs.map((run, i) => el("option", { value: i }, (this.runs.length > 1 ? i + 1 + ". " : "") + run.name + (run.record.error ? " (does not fit)" : ""))));
    byId("run-label").hidden = this.runs.length < 2;
    this.showRun(Math.max(0, this.runs.findIndex((run) => !run.record.error)));
  }

  listen() {
    byId("run").addEventListener("change", (e) => this.showRun(Number(e.target.value)));
    byId("theme").addEventListener("click", () => {
      setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
      this.redraw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (e) => {
      setTheme(e.matches ? "dark" : "light");
      this.redraw();
    });
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    byId("zoom").addEventListener("click", (e) => {
      const how = e.target.dataset.zoom, w = this.wafer;
      if (how === "fit") w.fit();
      else if (how) w.zoomAt(w.width / 2, w.height / 2, how === "in" ? 1.6 : 1 / 1.6);
    });
    byId("from-zero").addEventListener("change", (e) => { this.fromZero = e.target.checked; this.showMap(); });
    for (const what of ["ranks", "regions", "borders", "defects"])
      byId("show-" + what).addEventListener("change", (e) => { this.wafer.options[what] = e.target.checked; this.wafer.invalidate(); });
    byId("quantities").replaceChildren(...QUANTITIES.map((q) =>
      el("button", { type: "button", "data-key": q.key, onclick: () => { this.key = this.wanted = q.key; this.showMap(); } }, q.name)));
  }

  // For paper: light, and pictures as wide as they are there; and back.
  print(begins) {
    const root = document.documentElement;
    if (begins) this.themeOnScreen = root.dataset.theme;
    setTheme(begins ? "light" : this.themeOnScreen);
    root.classList.toggle("printing", begins);
    if (this.wafer.drawn) this.wafer.refit();
    this.redraw();
  }

  redraw() {
    this.wafer.invalidate();
    this.timeline.draw();
    this.serving.draw();
    this.steps.draw();
    this.comparison.draw();
  }

  showNotes(notes) {
    byId("notes").replaceChildren(...notes.map((text) => el("p", { class: "note" }, String(text))));
  }

  showRun(i) {
    const run = (this.run = this.runs[i]), r = run.record;
    byId("run").value = String(i);
    byId("title").textContent = isServe(r) ? `${r.model} served by ${r.wafers > 1 ? r.wafers + " " : ""}${r.device}` : isLlm(r) ? `${r.model} on ${r.device}` : `${r.algorithm}: ${r.command} on ${r.device}`;
    document.title = byId("title").textContent + " \u2013 plmr";
    byId("subtitle").textContent = [isServe(r) ? `${rateOf(r)}, ${r.policy}` : isLlm(r) ? "" : sizesOf(r), runSubtitle(run)].filter(Boolean).join(" \u00b7 ");
    showCards(byId("cards"), run);
    showLimits(byId("plmr"), run);
    showWorks(byId("works"), run);
    showRecord(byId("record-table"), run);
    this.timeline.show(run);
    this.serving.show(run);
    document.querySelector(".columns").hidden = isServe(r);
    this.steps.show(run);
    this.comparison.draw();
    this.showPhases();
  }

  // A model's run has a map for each phase.
  showPhases() {
    const { maps } = this.run, hasMap = maps.length > 0;
    for (const id of ["quantities", "stage", "colourbar", "quantity-says", "inspector"]) byId(id).hidden = !hasMap;
    byId("phases").replaceChildren(...(maps.length > 1 ? maps : []).map((m, i) => el("button", { type: "button", onclick: (e) => { this.showPhase(i); pressOne(byId("phases"), e.target); } }, m.json.name)));
    byId("wafer-note")?.remove();
    if (!hasMap) {
      byId("wafer").append(el("p", { id: "wafer-note", class: "faint" }, this.run.record.error ? "What does not fit was not run." :
        "The pictures need what --report keeps at run time, core by core: run it again with --report FILE.html, and give plmr report that file."));
      return;
    }
    this.showPhase(maps.length - 1);
    pressOne(byId("phases"), byId("phases").lastElementChild);
  }

  showPhase(i) {
    this.map = this.run.maps[i];
    byId("show-borders").parentElement.hidden = !(this.map.borders.x || this.map.borders.y);
    byId("show-defects").parentElement.hidden = !Object.values(this.map.defects).some((list) => list.length);
    if (!this.wanted) this.key = ["done", "links", "busy", "routes"].find((key) => this.varies(key)) || "busy";
    this.inspect(null);
    this.showMap();
  }

  varies(key) {
    const { least, most } = this.map.field(key);
    return most > least;
  }

  // The ends of the colours.
  range() {
    let { least, most } = this.map.field(this.key);
    if (this.key === "sram" && !this.map.parts.length) {
      const held = this.map.regions(this.run.device).filter((r) => r.used).map((r) => r.sram);
      least = Math.min(...held);
      most = Math.max(...held);
    }
    return { least: this.fromZero ? Math.min(0, least) : least, most };
  }

  showMap() {
    const quantity = QUANTITIES.find((q) => q.key === this.key), range = (this.shown = this.range());
    pressOne(byId("quantities"), byId("quantities").querySelector(`[data-key="${this.key}"]`));
    this.wafer.show(this.map, this.run.device, this.key, range);
    const known = isNumber(range.most), alike = known && range.least === range.most;
    byId("bar-least").textContent = alike ? "" : formatWith(range.least, quantity.unit);
    byId("bar-most").textContent = alike ? "" : formatWith(range.most, quantity.unit);
    byId("bar-unit").textContent = !known ? "unknown: the device does not say its power" : alike ? `${formatWith(range.most, quantity.unit)} in every core` : quantity.name;
    byId("quantity-says").textContent = quantity.says || this.energySays();
    this.drawBar(alike);
  }

  energySays() {
    return this.map.json.energy.estimate ? "An estimate from the bottom up: a core's arithmetic, SRAM and share of what the wafer draws idle, and the wavelets that leave it."
      : "A core's share of the system's power, for as long as the program runs.";
  }

  drawBar(alike) {
    const ctx = byId("bar").getContext("2d");
    for (let i = 0; i < 256; i++) {
      ctx.fillStyle = scaleColour(alike ? 128 : i);
      ctx.fillRect(i, 0, 1, 1);
    }
  }

  markValue(value) {
    const { least, most } = this.shown, mark = byId("bar-mark");
    mark.hidden = value === null || !(most > least);
    if (!mark.hidden) mark.style.left = (100 * Math.max(0, Math.min(1, (value - least) / (most - least)))) + "%";
  }

  inspect(core) {
    showCore(byId("inspector"), this.map, this.run, core);
  }
}

function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  try {
    window.page = new Page(JSON.parse(byId("plmr-data").textContent));
  } catch (error) {
    byId("notes").replaceChildren(el("p", { class: "note" }, "This report's data is damaged and cannot be shown: " + error.message));
    throw error;
  }
}

start();
