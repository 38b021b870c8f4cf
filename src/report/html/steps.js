// ---- step by step: how tiles travel, on a mesh small enough to follow ----

// Rings as the emulator has them: the core at a position, the position of a core.
const RINGS = {
  interleaved: {
    core: (p, n) => (p < (n + 1) >> 1 ? 2 * p : 2 * (n - p) - 1),
    position: (c, n) => (c % 2 === 0 ? c / 2 : n - (c + 1) / 2),
  },
  natural: { core: (p) => p, position: (c) => c },
};

const mod = (a, n) => ((a % n) + n) % n;
const tileColour = (k, n) => scaleColour(Math.round((255 * k) / Math.max(1, n - 1)));

// ---- products on a square mesh: what core (row, col) holds in a frame, and where it comes from ----
// A frame is {says, tiles: [{kind: "A" | "B" | "sum", k, from: [row, col], to: [row, col], stays}], done: products so far}.

// Cannon and MeshGEMM: A is aligned, then both operands shift while cores multiply.
function shiftFrames(n, ring) {
  const { core, position } = ring, frames = [], rounds = n >> 1, reach = ring === RINGS.interleaved ? "two hops at most" : `${n - 1} hops for the one that closes the ring`;
  const at = (x, y) => [core(x, n), core(y, n)];
  const short = (x) => (x <= n - x ? x : x - n); // row x of A turns by x, the short way
  const turned = (x, round) => Math.sign(short(x)) * Math.min(Math.abs(short(x)), round);
  const cells = (make) => Array.from({ length: n * n }, (_, i) => make(Math.floor(i / n), i % n));
  for (let round = 0; round < rounds; round++)
    frames.push({
      says: `Alignment, round ${round + 1} of ${rounds}: rows of A turn round their rings, each by its own number, the short way. B comes aligned from the loader.`,
      done: 0,
      tiles: [...cells((x, y) => ({ kind: "A", k: mod(y + turned(x, round), n), from: at(x, y), to: at(x, mod(y + turned(x, round) - turned(x, round + 1), n)) })),
        ...cells((x, y) => ({ kind: "B", k: mod(x + y, n), from: at(x, y), to: at(x, y) }))],
    });
  for (let t = 0; t < n; t++) {
    const by = t + 1 < n ? 1 : 0;
    frames.push({
      says: `Step ${t + 1} of ${n}: every core multiplies the tiles it holds, which are of one k` + (by ? `, while A goes one place on round its row's ring and B round its column's: ${reach}.` : "; then all is done."),
      done: t + 1,
      tiles: [...cells((x, y) => ({ kind: "A", k: mod(x + y + t, n), from: at(x, y), to: at(x, mod(y - by, n)) })),
        ...cells((x, y) => ({ kind: "B", k: mod(x + y + t, n), from: at(x, y), to: at(mod(x - by, n), y) }))],
    });
  }
  return frames;
}

function summaFrames(n) {
  return Array.from({ length: n }, (_, k) => ({
    says: `Step ${k + 1} of ${n}: column ${k} of cores sends its tiles of A along the rows, row ${k} its tiles of B along the columns; every core multiplies them.`,
    done: k + 1,
    tiles: Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n]).flatMap(([r, c]) =>
      [{ kind: "A", k, from: [r, k], to: [r, c] }, { kind: "B", k, from: [k, c], to: [r, c] }]),
  }));
}

function allgatherFrames(n) {
  const cells = Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n]);
  const own = cells.flatMap(([r, c]) => [{ kind: "A", k: c, from: [r, c], to: [r, c] }, { kind: "B", k: r, from: [r, c], to: [r, c] }]);
  const sent = Array.from({ length: n }, (_, k) => cells.flatMap(([r, c]) => [{ kind: "A", k, from: [r, k], to: [r, c] }, { kind: "B", k, from: [k, c], to: [r, c] }])).flat();
  return [
    { says: `First every core collects all tiles of A in its row and all tiles of B in its column: ${n} times the memory.`, done: 0, tiles: n > 8 ? own : sent },
    ...Array.from({ length: n }, (_, k) => ({
      says: `Step ${k + 1} of ${n}: every core multiplies the tiles of k = ${k} that it has collected. Nothing travels.`, done: k + 1,
      tiles: cells.flatMap(([r, c]) => [{ kind: "A", k, from: [r, c], to: [r, c] }, { kind: "B", k, from: [r, c], to: [r, c] }]),
    })),
  ];
}

// C = A B^T: A stays, B goes up the columns, products are added up along the rows to a core that moves with the step.
function transposedFrames(n) {
  const { core } = RINGS.interleaved, at = (x, y) => [core(x, n), core(y, n)];
  const cells = Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n]);
  return Array.from({ length: n }, (_, t) => ({
    says: `Step ${t + 1} of ${n}: every core multiplies its tile of A, which stays, by the tile of B that it holds; a row's products are added up from both ends to one core, another in every step, while B goes on round the columns' rings.`,
    done: t + 1,
    tiles: cells.flatMap(([x, y]) => [
      { kind: "A", k: y, from: at(x, y), to: at(x, y) },
      { kind: "B", k: mod(x + t, n), from: at(x, y), to: at(mod(x - (t + 1 < n ? 1 : 0), n), y) },
      { kind: "sum", k: mod(x + t, n), from: at(x, y), to: at(x, mod(x + t, n)) }]),
  }));
}

// ---- reductions on a line: legs, launched as soon as both ends can ----

const leg = (src, dst) => ({ src, dst });

function chainToMiddle(member) {
  const middle = member.length >> 1, legs = [];
  for (let i = 0; i < middle; i++) legs.push(leg(member[i], member[i + 1]));
  for (let i = member.length - 1; i > middle; i--) legs.push(leg(member[i], member[i - 1]));
  return { legs, root: member[middle], back: member.filter((m) => m !== member[middle]).map((m) => leg(member[middle], m)) };
}

// Phases of a tree of two levels, as MeshGEMV has it.
function treePhases(n) {
  const groups = Math.max(1, Math.round(Math.sqrt(n))), all = Array.from({ length: n }, (_, i) => i);
  const first = Array.from({ length: groups }, (_, g) => chainToMiddle(all.slice(Math.floor((n * g) / groups), Math.floor((n * (g + 1)) / groups))));
  const second = chainToMiddle(first.map((g) => g.root));
  return [
    { adds: true, says: `In ${groups} groups, chains from both ends to the middle.`, legs: first.flatMap((g) => g.legs) },
    { adds: true, says: "The groups' middles, the same way, over routes that pass the others by.", legs: second.legs },
    { adds: false, says: "The sum goes back to the groups' middles,", legs: second.back },
    { adds: false, says: "and from there to all.", legs: first.flatMap((g) => g.back) },
  ];
}

function linePhases(name, n) {
  const range = (from, to, make) => Array.from({ length: Math.max(0, to - from) }, (_, i) => make(from + i));
  const back = { adds: false, says: "The sum goes to all in one multicast.", legs: range(1, n, (i) => leg(0, i)) };
  if (name === "chain") return [{ adds: true, says: "Through all cores to one end, each adding its own.", legs: range(1, n, (i) => leg(n - i, n - i - 1)) }, back];
  if (name === "star") return [{ adds: true, says: "All send straight to one, which adds them one after the other.", legs: range(1, n, (i) => leg(i, 0)) }, back];
  if (name === "tree") {
    const legs = [];
    for (let d = 1; d < n; d *= 2) for (let i = 0; i + d < n; i += 2 * d) legs.push(leg(i + d, i));
    return [{ adds: true, says: "In pairs, then pairs of pairs: the upper sends to the lower.", legs }, back];
  }
  return treePhases(n);
}

// Frames {says, legs, held: by core, how many cores' values its sum has, before}.
function lineFrames(name, n) {
  if (name === "ring") return ringFrames(n);
  const ready = new Array(n).fill(0), slots = [];
  for (const phase of linePhases(name, n)) {
    const start = phase.adds ? 0 : Math.max(...ready);
    for (const l of phase.legs) {
      const t = phase.adds ? Math.max(ready[l.src], ready[l.dst]) : start;
      (slots[t] = slots[t] || { says: phase.says, legs: [], adds: phase.adds }).legs.push(l);
      ready[l.dst] = t + 1;
    }
  }
  const held = new Array(n).fill(1);
  return slots.filter(Boolean).map((slot, i, list) => {
    const before = held.slice();
    for (const l of slot.legs) held[l.dst] = slot.adds ? held[l.dst] + before[l.src] : before[l.src];
    return { says: `Step ${i + 1} of ${list.length}. ${slot.says}`, legs: slot.legs, held: before, after: held.slice() };
  });
}

// Every core passes a chunk to the core before it on the ring; n - 1 times to add, n - 1 times to spread the sums.
function ringFrames(n) {
  const { core } = RINGS.interleaved, legs = Array.from({ length: n }, (_, p) => leg(core(mod(p + 1, n), n), core(p, n)));
  return Array.from({ length: 2 * (n - 1) }, (_, t) => {
    const has = (s) => new Array(n).fill(Math.min(n, s + 1));
    return { says: `Step ${t + 1} of ${2 * (n - 1)}: each core passes a chunk of its vector on round the interleaved ring, ${t < n - 1 ? "where it is added" : "now a finished sum"}.`, legs, held: has(t), after: has(t + 1) };
  });
}

// ---- the view ----

const GEMM_FRAMES = { meshgemm: (n) => shiftFrames(n, RINGS.interleaved), cannon: (n) => shiftFrames(n, RINGS.natural), summa: summaFrames, allgather: allgatherFrames, "summa-overlap": summaFrames };
const LINE_NAMES = { meshgemv: "ktree", pipeline: "chain" };
const LINES = ["chain", "star", "tree", "two-phase", "ktree", "ring"];

// The programs of a run: [{name, grid, frames(n), size}].
function programsOf(record) {
  const line = (title, name) => ({ title, grid: false, frames: (n) => lineFrames(name, n), size: 16, most: 32 });
  const grid = (title, frames) => ({ title, grid: true, frames, size: 6, most: 16 });
  if (isServe(record)) return [];
  if (isLlm(record) && record.plan && record.plan !== "waferllm") return [];
  if (isLlm(record)) return [grid("prefill: MeshGEMM", GEMM_FRAMES.meshgemm), line("decode: sums of a GEMV", "ktree")];
  if (record.command === "gemm") {
    const frames = record.transposed === "B" ? transposedFrames : GEMM_FRAMES[record.algorithm];
    return frames ? [grid(record.algorithm, frames)] : [];
  }
  const name = LINE_NAMES[record.algorithm] || record.algorithm;
  return LINES.includes(name) ? [line(record.algorithm, name)] : [];
}

class Steps {
  constructor(panel) {
    this.panel = panel;
    new ResizeObserver(() => this.draw()).observe(panel);
  }

  show(run) {
    this.programs = programsOf(run.record);
    this.panel.hidden = this.programs.length === 0;
    this.pause();
    if (!this.panel.hidden) this.build();
  }

  build() {
    this.canvas = el("canvas", { id: "step-view", role: "img" });
    this.says = el("p", { id: "step-says", "aria-live": "polite" });
    this.button = el("button", { type: "button", id: "step-play", onclick: () => (this.playing ? this.pause() : this.play()) }, "Play");
    this.slider = el("input", { type: "range", min: 0, step: 0.01, value: 0, id: "step-at", "aria-label": "Step", oninput: () => { this.pause(); this.at = Number(this.slider.value); this.draw(); } });
    this.size = el("input", { type: "range", min: 3, step: 1, id: "step-size", "aria-label": "Cores along a side", oninput: () => this.choose(this.program) });
    this.sizeText = el("span", { class: "num" });
    const tabs = el("div", { class: "tabs" }, this.programs.length > 1 ? this.programs.map((p) =>
      el("button", { type: "button", onclick: (e) => { pressOne(tabs, e.target); this.size.value = p.size; this.choose(p); } }, p.title)) : []);
    this.panel.replaceChildren(el("h2", {}, "Step by step"), el("p", { class: "faint" }, "The algorithm on a mesh small enough to follow. Tiles of one k have one colour."), tabs,
      el("div", { class: "play" }, this.button, el("label", {}, "Step ", this.slider), el("label", {}, "Cores ", this.size, this.sizeText)), this.says, this.canvas);
    if (this.programs.length > 1) pressOne(tabs, tabs.firstElementChild);
    this.size.max = this.programs[0].most;
    this.size.value = this.programs[0].size;
    this.choose(this.programs[0]);
  }

  choose(program) {
    this.program = program;
    this.size.max = program.most;
    this.n = Number(this.size.value);
    this.sizeText.textContent = program.grid ? `${this.n} \u00d7 ${this.n}` : String(this.n);
    this.frames = program.frames(this.n);
    this.at = 0;
    this.slider.max = this.frames.length - 0.01;
    this.slider.value = 0;
    this.draw();
  }

  play() {
    this.playing = true;
    this.button.textContent = "Pause";
    if (this.at >= this.frames.length - 0.02) this.at = 0;
    let before = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      this.at = Math.min(this.frames.length - 0.01, this.at + Math.max(0, now - before) / 1400);
      before = now;
      this.slider.value = this.at;
      this.draw();
      if (this.at >= this.frames.length - 0.011) this.pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    if (this.button) this.button.textContent = "Play";
  }

  draw() {
    if (!this.frames || this.panel.hidden) return;
    const i = Math.min(this.frames.length - 1, Math.floor(this.at)), frame = this.frames[i];
    // The first third of a frame rests, so that the eye sees what is held.
    const part = Math.max(0, (this.at - i - 0.3) / 0.7), eased = part * part * (3 - 2 * part);
    if (this.says.textContent !== frame.says) this.says.textContent = frame.says;
    this.canvas.setAttribute("aria-label", frame.says);
    const width = Math.min(640, this.panel.clientWidth - 36), height = this.program.grid ? width : 230;
    this.canvas.style.height = height + "px";
    const ctx = fitCanvas(this.canvas, Math.min(width, this.canvas.clientWidth || width), height);
    ctx.clearRect(0, 0, width, height);
    if (this.program.grid) this.drawGrid(ctx, frame, eased, width);
    else this.drawLine(ctx, frame, eased, width, height);
  }

  drawGrid(ctx, frame, part, width) {
    const n = this.n, cell = width / n, box = cell * 0.86, tile = box * 0.36;
    ctx.strokeStyle = themed("--line");
    for (let r = 0; r < n; r++)
      for (let c = 0; c < n; c++) {
        const x = c * cell + (cell - box) / 2, y = r * cell + (cell - box) / 2;
        ctx.fillStyle = themed("--soft");
        ctx.beginPath();
        ctx.roundRect(x, y, box, box, 5);
        ctx.fill();
        ctx.stroke();
        ctx.fillStyle = themed("--good");
        ctx.fillRect(x + box * 0.08, y + box * 0.88, (box * 0.84 * frame.done) / n, box * 0.05);
      }
    for (const t of frame.tiles) this.drawTile(ctx, t, part, cell, box, tile);
  }

  // A tile on its way bends out of its line, so that it is seen to pass others by.
  drawTile(ctx, t, part, cell, box, size) {
    const place = { A: [0.1, 0.1], B: [0.54, 0.46], sum: [0.1, 0.5] }[t.kind], inset = (cell - box) / 2;
    const moves = t.from[0] !== t.to[0] || t.from[1] !== t.to[1], bend = moves ? Math.sin(Math.PI * part) * cell * 0.07 : 0;
    if (t.kind === "sum" && (!moves || part === 0)) return;
    const along = t.from[0] === t.to[0], back = along ? t.to[1] < t.from[1] : t.to[0] < t.from[0];
    const row = t.from[0] + (t.to[0] - t.from[0]) * part, col = t.from[1] + (t.to[1] - t.from[1]) * part;
    const x = col * cell + inset + place[0] * box + (along ? 0 : back ? bend : -bend), y = row * cell + inset + place[1] * box + (along ? (back ? -bend : bend) : 0);
    const s = t.kind === "sum" ? size * 0.6 : size;
    ctx.fillStyle = tileColour(t.k, this.n);
    ctx.beginPath();
    if (t.kind === "sum") ctx.arc(x + s / 2, y + s / 2, s / 2, 0, 7);
    else ctx.roundRect(x, y, s, s, 3);
    ctx.fill();
    ctx.lineWidth = 1;
    ctx.strokeStyle = themed("--panel");
    ctx.stroke();
    ctx.strokeStyle = themed("--line");
    if (s < 13 || t.kind === "sum") return;
    ctx.fillStyle = inkOn(Math.round((255 * t.k) / Math.max(1, this.n - 1)));
    ctx.font = `600 ${Math.min(13, s * 0.55)}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(t.kind + t.k, x + s / 2, y + s / 2 + 0.5, s - 3);
  }

  drawLine(ctx, frame, part, width, height) {
    const n = this.n, cell = width / n, y = height - 46, side = Math.min(34, cell * 0.8), X = (i) => (i + 0.5) * cell;
    for (const { src, dst } of frame.legs) {
      const lift = Math.min(height - 80, 14 + Math.abs(dst - src) * cell * 0.42), middle = (X(src) + X(dst)) / 2;
      ctx.strokeStyle = themed("--faint");
      ctx.lineWidth = 1.2;
      ctx.beginPath();
      ctx.moveTo(X(src), y - side / 2);
      ctx.quadraticCurveTo(middle, y - side / 2 - 2 * lift, X(dst), y - side / 2);
      ctx.stroke();
      const u = 1 - part, px = u * u * X(src) + 2 * u * part * middle + part * part * X(dst), py = y - side / 2 - 2 * u * part * 2 * lift;
      ctx.fillStyle = tileColour(frame.held[src] - 1, n);
      ctx.strokeStyle = themed("--text");
      ctx.beginPath();
      ctx.arc(px, py, Math.min(7, cell * 0.28), 0, 7);
      ctx.fill();
      ctx.stroke();
    }
    const held = part >= 1 ? frame.after : frame.held;
    for (let i = 0; i < n; i++) {
      const index = Math.round((255 * (held[i] - 1)) / Math.max(1, n - 1));
      ctx.fillStyle = scaleColour(index);
      ctx.beginPath();
      ctx.roundRect(X(i) - side / 2, y - side / 2, side, side, 4);
      ctx.fill();
      ctx.fillStyle = inkOn(index);
      ctx.font = `600 ${Math.min(13, side * 0.5)}px system-ui, sans-serif`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      if (side >= 11) ctx.fillText(String(held[i]), X(i), y + 0.5, side);
    }
    ctx.fillStyle = themed("--faint");
    ctx.font = "12px system-ui, sans-serif";
    ctx.textAlign = "left";
    ctx.fillText("how many cores' values each core has added up", 2, height - 10);
  }
}
