// ---- maps: the numbers of every core of a region ----

const QUANTITIES = [
  { key: "sram", name: "SRAM used", unit: "bytes", says: "Bytes of a core's SRAM at the fullest moment (M)." },
  { key: "busy", name: "Busy", unit: "cycles", says: "Cycles in which a core computes, sends, receives or adds up what passes." },
  { key: "wait", name: "Waiting", unit: "cycles", says: "Cycles in which a core does nothing: it waits for others, or is done before them." },
  { key: "done", name: "Done at", unit: "cycles", says: "When a core is done: its virtual clock at the end." },
  { key: "links", name: "Wavelets per link", unit: "wavelets", says: "Of the links that leave a core, the one with most wavelets. Zoom in to see each link." },
  { key: "routes", name: "Routes used", unit: "routes", says: "Routes that the router of a core holds (R)." },
  { key: "energy", name: "Energy", unit: "J", says: "" },
];

class CoreMap {
  constructor(json) {
    this.json = json;
    this.rows = json.rows;
    this.cols = json.cols;
    this.cycles = json.cycles;
    if (!(this.rows > 0 && this.cols > 0 && this.rows * this.cols < 1e8)) throw new Error("a map without cores");
    const clock = json.clock;
    const bytes = clock.cores ? bytesOf(clock.cores) : null;
    this.codes = !bytes ? null : clock.bits === 8 ? bytes : new Uint16Array(bytes.buffer);
    if (this.codes && this.codes.length !== this.rows * this.cols) throw new Error("a map with too few clocks");
    this.fields = {};
    this.partsOf = {};
    this.moving = sum(Object.values(json.moving));
  }

  done(row, col) {
    const clock = this.json.clock;
    if (!this.codes) return entry(clock.x, col) + entry(clock.y, row);
    const code = this.codes[row * this.cols + col];
    return clock.values ? clock.values[code] : clock.most - code * clock.step;
  }

  // The first core that is done last.
  latest() {
    const { values, most } = this.field("done"), i = values.indexOf(most);
    return { row: Math.floor(i / this.cols), col: i % this.cols };
  }

  // Wavelets that leave a core by each side. Beyond the edge of a mesh there are none; a torus's last link closes it.
  links(row, col) {
    const { x, y } = this.json.links;
    return {
      east: entry(x.up, col), west: entry(x.down, col > 0 ? col - 1 : this.cols - 1),
      south: entry(y.up, row), north: entry(y.down, row > 0 ? row - 1 : this.rows - 1),
    };
  }

  // All but the clocks is made of what a column has and what a row has: both, and how they are joined.
  parts(key) {
    if (this.partsOf[key]) return this.partsOf[key];
    const { json } = this, { x, y } = json.links, { core_j: own, wavelet_j: each } = json.energy;
    const before = (i, n) => (i > 0 ? i - 1 : n - 1);
    const busy = { x: (c) => entry(json.adding.x, c), y: (r) => json.compute + this.moving + entry(json.adding.y, r) };
    const ways = { x: (c) => [entry(x.up, c), entry(x.down, before(c, this.cols))], y: (r) => [entry(y.up, r), entry(y.down, before(r, this.rows))] };
    const made = {
      sram: { x: () => 0, y: () => json.sram },
      busy,
      wait: { x: (c) => -busy.x(c), y: (r) => this.cycles - busy.y(r) },
      links: { x: (c) => Math.max(...ways.x(c)), y: (r) => Math.max(...ways.y(r)), join: Math.max },
      routes: { x: (c) => entry(json.routes.x, c), y: (r) => entry(json.routes.y, r) },
      energy: { x: (c) => sum(ways.x(c)) * (each || 0), y: (r) => (isNumber(own) ? own + sum(ways.y(r)) * (each || 0) : NaN) },
    }[key];
    return (this.partsOf[key] = {
      x: Float64Array.from({ length: this.cols }, (_, c) => made.x(c)),
      y: Float64Array.from({ length: this.rows }, (_, r) => made.y(r)),
      join: made.join || ((a, b) => a + b),
    });
  }

  value(key, row, col) {
    if (key === "done") return this.done(row, col);
    const { x, y, join } = this.parts(key);
    return join(x[col], y[row]);
  }

  // All values of a quantity, with the least and the most.
  field(key) {
    if (this.fields[key]) return this.fields[key];
    const values = new Float64Array(this.rows * this.cols);
    let least = Infinity, most = -Infinity;
    for (let row = 0, i = 0; row < this.rows; row++)
      for (let col = 0; col < this.cols; col++, i++) {
        const v = this.value(key, row, col);
        values[i] = v;
        if (v < least) least = v;
        if (v > most) most = v;
      }
    return (this.fields[key] = { values, least, most });
  }

  rank(row, col) {
    const block = (starts, i) => starts.filter((first) => first <= i).length - 1;
    return block(this.json.ranks.y, row) * this.json.ranks.x.length + block(this.json.ranks.x, col);
  }

  // One pixel for every core, in the colours between two ends.
  picture(key, least, most) {
    const { values } = this.field(key);
    const canvas = el("canvas", { width: this.cols, height: this.rows });
    const ctx = canvas.getContext("2d"), image = ctx.createImageData(this.cols, this.rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < values.length; i++) pixels[i] = SCALE[scaleIndex(values[i], least, most)];
    ctx.putImageData(image, 0, 0);
    return canvas;
  }

  // The regions that the wafer holds, with what is in them: one, or the stages of a model.
  regions(device) {
    const p = this.json.placement;
    if (!p) return [{ row: 0, col: 0, name: "", used: true, sram: this.json.sram, held: this.json.held }];
    const across = Math.max(1, Math.floor(device.cols / this.cols));
    const list = [];
    for (let s = 0; s < Math.max(p.regions, 1); s++)
      list.push({ row: Math.floor(s / across) * this.rows, col: (s % across) * this.cols, used: s < p.stages, ...stageOf(p, s) });
    return list;
  }
}

// What lies in a stage of a pipeline, by the placement of a model.
function stageOf(p, s) {
  const layered = p.stages - (p.output_apart ? 1 : 0);
  if (s >= p.stages) return { name: "free", sram: 0, held: [] };
  const held = [{ what: "activations and buffers", bytes: p.working_bytes }];
  let name = "output";
  if (s < layered) {
    const first = s * p.layers_per_stage, n = Math.min(p.layers_per_stage, p.layers - first);
    const named = p.first_layer + first;
    name = n > 1 ? `layers ${named}\u2013${named + n - 1}` : `layer ${named}`;
    held.unshift({ what: `weights of ${n} ${n > 1 ? "layers" : "layer"}`, bytes: n * p.layer_bytes }, { what: "keys and values", bytes: n * p.cache_bytes });
  }
  if (s === p.stages - 1 && p.output_bytes > 0) {
    held.push({ what: "weights of the output", bytes: p.output_bytes });
    if (s < layered) name += " and output";
  }
  return { name, held, sram: sum(held.map((h) => h.bytes)) };
}
