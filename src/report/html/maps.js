// ---- maps: the numbers of every core of a region ----

const QUANTITIES = [
  { key: "sram", name: "SRAM used", unit: "bytes", says: "Bytes of a core's SRAM at the fullest moment (M)." },
  { key: "busy", name: "Busy", unit: "cycles", says: "Cycles in which a core computes, sends, receives or adds up what passes." },
  { key: "wait", name: "Waiting", unit: "cycles", says: "Cycles in which a core does nothing: it waits for others, or is done before them." },
  { key: "done", name: "Done at", unit: "cycles", says: "When a core is done: its virtual clock at the end." },
  { key: "links", name: "Wavelets per link", unit: "wavelets", says: "Of the links that leave a core, the one with most wavelets. Zoom in to see each link." },
  { key: "links_x", name: "Horizontal links", unit: "wavelets", says: "Of the two links to a core's left and right, the one with more wavelets." },
  { key: "links_y", name: "Vertical links", unit: "wavelets", says: "Of the two links above and below a core, the one with more wavelets." },
  { key: "routes", name: "Routes used", unit: "routes", says: "Routes that the router of a core holds (R)." },
  { key: "energy", name: "Energy", unit: "J", says: "" },
];

// The sides of a core at which each quantity looks.
const SIDES = { links: ["east", "west", "south", "north"], links_x: ["east", "west"], links_y: ["south", "north"] };

// Numbers by core, in any of the forms that report/map.h names; gives what (row, col) has.
function numbersOf(json, rows, cols) {
  const bytes = json.cores ? bytesOf(json.cores) : null;
  if (!bytes) return (row, col) => entry(json.x, col) + entry(json.y, row);
  const codes = json.bits === 8 ? bytes : new Uint16Array(bytes.buffer);
  if (codes.length !== rows * cols) throw new Error("a map with too few cores");
  if (json.values) return (row, col) => entry(json.values, codes[row * cols + col]);
  return (row, col) => json.most - codes[row * cols + col] * json.step;
}

class CoreMap {
  constructor(json) {
    this.json = json;
    this.rows = json.rows;
    this.cols = json.cols;
    this.cycles = json.cycles;
    if (!(this.rows > 0 && this.cols > 0 && this.rows * this.cols < 1e8)) throw new Error("a map without cores");
    this.done = numbersOf(json.clock, this.rows, this.cols);
    const { x, y } = json.links, along = { x: (list) => (row, col) => entry(list, col), y: (list) => (row) => entry(list, row) };
    const link = (axis, list) => (list && list.constructor === Object ? numbersOf(list, this.rows, this.cols) : along[axis](list));
    this.up = { x: link("x", x.up), y: link("y", y.up) };
    this.down = { x: link("x", x.down), y: link("y", y.down) };
    this.fields = {};
    this.sumsOf = {};
    this.moving = sum(Object.values(json.moving));
    this.borders = json.borders || { x: 0, y: 0 };
    this.defects = json.defects || { dead: [], rows: [], links: [], slow: [] };
    this.parts = (json.parts || []).map((part) => ({ ...part, sram: sum(part.held.map((h) => h.bytes)) }));
  }

  // Parts of the region that the core has been of.
  partsAt(row, col) {
    return this.parts.filter((p) => row >= p.row && row < p.row + p.rows && col >= p.col && col < p.col + p.cols);
  }

  // The first core that is done last.
  latest() {
    const { values, most } = this.field("done"), i = values.indexOf(most);
    return { row: Math.floor(i / this.cols), col: i % this.cols };
  }

  // Wavelets that leave a core by each side. Beyond the edge of a mesh there are none; a torus's last link closes it.
  links(row, col) {
    return {
      east: this.up.x(row, col), west: this.down.x(row, col > 0 ? col - 1 : this.cols - 1),
      south: this.up.y(row, col), north: this.down.y(row > 0 ? row - 1 : this.rows - 1, col),
    };
  }

  // What all cores have but for parts is the sum of what a column has and what a row has.
  sums(key) {
    if (this.sumsOf[key]) return this.sumsOf[key];
    const { json } = this, own = json.energy.core_j;
    const busy = { x: (c) => entry(json.adding.x, c), y: (r) => json.compute + this.moving + entry(json.adding.y, r) };
    const made = {
      sram: { x: () => 0, y: () => (this.parts.length ? sum(json.held.map((h) => h.bytes)) : json.sram) },
      busy,
      wait: { x: (c) => -busy.x(c), y: (r) => this.cycles - busy.y(r) },
      routes: { x: (c) => entry(json.routes.x, c), y: (r) => entry(json.routes.y, r) },
      energy: { x: () => 0, y: () => (isNumber(own) ? own : NaN) },
    }[key];
    return (this.sumsOf[key] = {
      x: Float64Array.from({ length: this.cols }, (_, c) => made.x(c)),
      y: Float64Array.from({ length: this.rows }, (_, r) => made.y(r)),
    });
  }

  // What a core has more by the parts that it has been of.
  more(key, row, col) {
    const parts = this.partsAt(row, col);
    const busy = (p) => p.compute + sum(Object.values(p.moving)) + entry(p.adding.x, col - p.col) + entry(p.adding.y, row - p.row);
    if (key === "sram") return Math.max(0, ...parts.map((p) => p.sram));
    if (key === "routes") return Math.max(0, ...parts.map((p) => sum(routesAt(p, row - p.row, col - p.col).map((r) => r.here))));
    if (key === "energy") return sum(parts.map((p) => p.core_j || 0));
    return (key === "wait" ? -1 : 1) * sum(parts.map(busy));
  }

  value(key, row, col) {
    if (key === "done") return this.done(row, col);
    if (SIDES[key]) {
      const links = this.links(row, col);
      return Math.max(...SIDES[key].map((side) => links[side]));
    }
    const { x, y } = this.sums(key), more = this.parts.length ? this.more(key, row, col) : 0;
    const moved = key === "energy" ? sum(Object.values(this.links(row, col))) * (this.json.energy.wavelet_j || 0) : 0;
    return x[col] + y[row] + more + moved;
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
