// ---- the wafer: a heat map to zoom and move in, with a minimap ----

const MOST_SCALE = 72; // pixels to a core
const LINK_SCALE = 15, TEXT_SCALE = 46; // from here on single links are drawn, and numbers

class Wafer {
  // onSelect is told {region, row, col} of the core that is chosen.
  constructor(parts, onSelect) {
    Object.assign(this, parts); // canvas, minimap, tooltip
    this.onSelect = onSelect;
    this.options = { ranks: true, regions: true, borders: true, defects: true };
    this.pointers = new Map();
    this.view = { x: 0, y: 0, scale: 1 };
    this.listen();
    new ResizeObserver(() => this.invalidate()).observe(this.canvas);
  }

  show(map, device, key, range) {
    const moved = map !== this.map;
    Object.assign(this, { map, device, key, range });
    this.regions = map.regions(device);
    this.rows = Math.max(device.rows, ...this.regions.map((r) => r.row + map.rows));
    this.cols = Math.max(device.cols, ...this.regions.map((r) => r.col + map.cols));
    this.picture = map.picture(key, range.least, range.most);
    this.tooltip.hidden = true;
    if (moved) {
      this.selected = this.hovered = null;
      this.fit();
    }
    this.invalidate();
  }

  // ---- where things are ----

  get width() { return this.canvas.clientWidth || 1; }
  get height() { return this.canvas.clientHeight || 1; }

  // Shows the whole wafer, or what is used of it where that is but a small part.
  fit() {
    const used = this.regions.filter((r) => r.used);
    let right = Math.max(...used.map((r) => r.col)) + this.map.cols, bottom = Math.max(...used.map((r) => r.row)) + this.map.rows;
    if (right * bottom > 0.15 * this.rows * this.cols) [right, bottom] = [this.cols, this.rows];
    const scale = Math.min(MOST_SCALE, 0.94 * Math.min(this.width / right, this.height / bottom));
    this.view = { scale, x: right / 2 - this.width / 2 / scale, y: bottom / 2 - this.height / 2 / scale };
    this.invalidate();
  }

  // Draws at once, at the canvas's present size: what was in sight stays so.
  refit() {
    const v = this.view, [w, h] = this.drawn, scale = v.scale * Math.min(this.width / w, this.height / h);
    Object.assign(v, { scale, x: v.x + w / 2 / v.scale - this.width / 2 / scale, y: v.y + h / 2 / v.scale - this.height / 2 / scale });
    this.draw();
    this.drawMinimap();
  }

  zoomAt(px, py, factor) {
    const v = this.view, least = 0.5 * Math.min(this.width / this.cols, this.height / this.rows);
    const scale = Math.max(least, Math.min(MOST_SCALE, v.scale * factor));
    v.x += px / v.scale - px / scale;
    v.y += py / v.scale - py / scale;
    v.scale = scale;
    this.clamp();
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y -= dy / this.view.scale;
    this.clamp();
  }

  // The wafer stays in sight.
  clamp() {
    const v = this.view, w = this.width / v.scale, h = this.height / v.scale;
    v.x = Math.max(-w * 0.8, Math.min(this.cols - w * 0.2, v.x));
    v.y = Math.max(-h * 0.8, Math.min(this.rows - h * 0.2, v.y));
    this.invalidate();
  }

  coreAt(px, py) {
    const col = Math.floor(this.view.x + px / this.view.scale), row = Math.floor(this.view.y + py / this.view.scale);
    const region = this.regions.find((r) => r.used && row >= r.row && row < r.row + this.map.rows && col >= r.col && col < r.col + this.map.cols);
    return region ? { region, row: row - region.row, col: col - region.col } : null;
  }

  valueAt(core) {
    return this.key === "sram" && !this.map.parts.length ? core.region.sram : this.map.value(this.key, core.row, core.col);
  }

  // ---- choosing ----

  select(core) {
    this.selected = core;
    this.onSelect(core);
    this.invalidate();
  }

  step(dx, dy) {
    const first = this.regions.find((r) => r.used), at = this.selected || { region: first, row: 0, col: 0 };
    const within = (v, n) => Math.max(0, Math.min(n - 1, v));
    this.select(this.selected ? { region: at.region, row: within(at.row + dy, this.map.rows), col: within(at.col + dx, this.map.cols) } : at);
    const { scale } = this.view, x = (this.selected.region.col + this.selected.col + 0.5 - this.view.x) * scale;
    const y = (this.selected.region.row + this.selected.row + 0.5 - this.view.y) * scale;
    if (x < 0 || x > this.width) this.move(this.width / 2 - x, 0);
    if (y < 0 || y > this.height) this.move(0, this.height / 2 - y);
    this.hover(this.selected, Math.max(0, Math.min(this.width, x)), Math.max(0, Math.min(this.height, y)));
  }

  hover(core, px, py) {
    this.hovered = core;
    this.tooltip.hidden = !core;
    if (core) {
      const quantity = QUANTITIES.find((q) => q.key === this.key);
      const rows = [el("b", {}, `core (${core.row}, ${core.col})`), el("div", { class: "num" }, quantity.name + ": " + formatWith(this.valueAt(core), quantity.unit))];
      if (this.key !== "done") rows.push(el("div", { class: "faint num" }, "done at " + formatCount(this.map.done(core.row, core.col)) + " cycles"));
      rows.push(el("div", { class: "faint" }, [core.region.name, "rank " + this.map.rank(core.row, core.col)].filter(Boolean).join(" \u00b7 ")));
      this.tooltip.replaceChildren(...rows);
      const { offsetWidth: w, offsetHeight: h } = this.tooltip;
      this.tooltip.style.left = Math.max(4, px + 16 + w > this.width ? px - w - 12 : px + 16) + "px";
      this.tooltip.style.top = Math.max(4, Math.min(py + 14, this.height - h - 6)) + "px";
    }
    if (this.onHover) this.onHover(core ? this.valueAt(core) : null);
    this.invalidate();
  }

  // ---- what hands do ----

  listen() {
    const c = this.canvas, place = (e) => [e.offsetX, e.offsetY];
    c.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoomAt(...place(e), Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0018)));
      this.hover(this.coreAt(...place(e)), ...place(e));
    }, { passive: false });
    c.addEventListener("pointerdown", (e) => {
      c.setPointerCapture(e.pointerId);
      this.pointers.set(e.pointerId, place(e));
      this.travelled = this.pointers.size > 1 ? Infinity : 0;
    });
    c.addEventListener("pointermove", (e) => this.pointerMoved(e, place(e)));
    c.addEventListener("pointerup", (e) => {
      if (this.pointers.delete(e.pointerId) && this.travelled < 6) this.select(this.coreAt(...place(e)));
    });
    c.addEventListener("pointercancel", (e) => this.pointers.delete(e.pointerId));
    c.addEventListener("pointerleave", () => this.hover(null));
    c.addEventListener("dblclick", (e) => this.zoomAt(...place(e), 3));
    c.addEventListener("keydown", (e) => this.keyPressed(e));
    const jump = (e) => {
      if (e.type === "pointerdown") this.minimap.setPointerCapture(e.pointerId);
      else if (!e.buttons) return;
      const k = this.cols / this.minimap.clientWidth;
      this.view.x = e.offsetX * k - this.width / 2 / this.view.scale;
      this.view.y = e.offsetY * k - this.height / 2 / this.view.scale;
      this.clamp();
    };
    this.minimap.addEventListener("pointerdown", jump);
    this.minimap.addEventListener("pointermove", jump);
  }

  pointerMoved(e, at) {
    const before = this.pointers.get(e.pointerId);
    if (!before) {
      this.hover(this.coreAt(...at), ...at);
      return;
    }
    if (this.pointers.size === 2) {
      const other = [...this.pointers.entries()].find(([id]) => id !== e.pointerId)[1];
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoomAt((at[0] + other[0]) / 2, (at[1] + other[1]) / 2, apart(at) / apart(before));
      this.move((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    } else {
      this.travelled += Math.hypot(at[0] - before[0], at[1] - before[1]);
      if (this.travelled >= 6) {
        this.tooltip.hidden = true;
        this.move(at[0] - before[0], at[1] - before[1]);
      }
    }
    this.pointers.set(e.pointerId, at);
  }

  keyPressed(e) {
    const by = e.shiftKey ? 10 : 1, middle = [this.width / 2, this.height / 2];
    const act = {
      ArrowLeft: () => this.step(-by, 0), ArrowRight: () => this.step(by, 0), ArrowUp: () => this.step(0, -by), ArrowDown: () => this.step(0, by),
      "+": () => this.zoomAt(...middle, 1.5), "=": () => this.zoomAt(...middle, 1.5), "-": () => this.zoomAt(...middle, 1 / 1.5), 0: () => this.fit(),
      Escape: () => this.select(null),
    }[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  }

  // ---- drawing ----

  invalidate() {
    if (this.queued || !this.map) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
      this.drawMinimap();
    });
  }

  draw() {
    const ctx = fitCanvas(this.canvas, this.width, this.height), { scale } = this.view;
    this.drawn = [this.width, this.height];
    ctx.clearRect(0, 0, this.width, this.height);
    const X = (col) => (col - this.view.x) * scale, Y = (row) => (row - this.view.y) * scale;
    ctx.fillStyle = themed("--die");
    ctx.fillRect(X(0), Y(0), this.cols * scale, this.rows * scale);
    for (const region of this.regions) this.drawRegion(ctx, region, X(region.col), Y(region.row), scale);
    ctx.strokeStyle = themed("--faint");
    ctx.lineWidth = 1;
    ctx.strokeRect(X(0) - 0.5, Y(0) - 0.5, this.cols * scale + 1, this.rows * scale + 1);
    for (const core of [this.hovered, this.selected]) if (core) this.drawMark(ctx, core, X, Y, scale, core === this.selected);
  }

  drawRegion(ctx, region, x, y, scale) {
    const w = this.map.cols * scale, h = this.map.rows * scale;
    if (x > this.width || y > this.height || x + w < 0 || y + h < 0) return;
    if (region.used) {
      this.drawField(ctx, region, x, y, w, h);
      if (scale >= 9) this.drawCores(ctx, region, x, y, scale);
      if (this.options.borders) this.drawBorders(ctx, x, y, w, h, scale);
      if (this.options.ranks) this.drawRanks(ctx, x, y, w, h, scale);
      if (this.options.regions) this.drawParts(ctx, x, y, scale);
      if (this.options.defects) this.drawDefects(ctx, x, y, scale);
    }
    if (!this.options.regions) return;
    ctx.setLineDash(region.used ? [] : [3, 4]);
    ctx.lineWidth = region.used ? 1.5 : 1;
    ctx.strokeStyle = themed(region.used ? "--text" : "--faint");
    ctx.strokeRect(x, y, w, h);
    ctx.setLineDash([]);
    if (region.name && h > 26 && !(region.used && scale >= TEXT_SCALE)) this.drawName(ctx, region.name, x + 5, y + 5, w, region.used);
  }

  drawField(ctx, region, x, y, w, h) {
    if (this.key === "sram" && !this.map.parts.length) {
      ctx.fillStyle = scaleColour(scaleIndex(region.sram, this.range.least, this.range.most));
      ctx.fillRect(x, y, w, h);
      return;
    }
    ctx.imageSmoothingEnabled = w < this.map.cols;
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(this.picture, x, y, w, h);
  }

  drawName(ctx, name, x, y, room, used = true) {
    ctx.font = "12px system-ui, sans-serif";
    ctx.textBaseline = "top";
    const w = ctx.measureText(name).width;
    if (w + 14 > room || room < 60) return;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = themed("--panel");
    ctx.fillRect(x, y, w + 8, 18);
    ctx.globalAlpha = 1;
    ctx.fillStyle = themed(used ? "--text" : "--faint");
    ctx.fillText(name, x + 4, y + 3);
  }

  // Single cores, as far as they are in sight.
  drawCores(ctx, region, x, y, scale) {
    const first = (from) => Math.max(0, Math.floor(-from / scale)), last = (from, room, n) => Math.min(n - 1, Math.floor((room - from) / scale));
    const rows = [first(y), last(y, this.height, this.map.rows)], cols = [first(x), last(x, this.width, this.map.cols)];
    ctx.strokeStyle = "rgba(0, 0, 0, .28)";
    ctx.lineWidth = scale >= LINK_SCALE ? 2 : 1;
    for (let row = rows[0]; row <= rows[1]; row++)
      for (let col = cols[0]; col <= cols[1]; col++) {
        const px = x + col * scale, py = y + row * scale;
        ctx.strokeRect(px, py, scale, scale);
        if (SIDES[this.key] && scale >= LINK_SCALE) this.drawLinks(ctx, row, col, px, py, scale);
        if (scale >= TEXT_SCALE) this.drawNumber(ctx, region, row, col, px, py, scale);
      }
  }

  // A core's four links, each a bar at its side.
  drawLinks(ctx, row, col, x, y, s) {
    const links = this.map.links(row, col), t = s * (SIDES[this.key].length > 2 ? 0.16 : 0.34), l = s * 0.44, m = s * 0.08;
    const bars = { east: [x + s - t, y + m, t, l], west: [x, y + s - m - l, t, l], south: [x + s - m - l, y + s - t, l, t], north: [x + m, y, l, t] };
    ctx.fillStyle = themed("--die");
    ctx.fillRect(x + 1, y + 1, s - 2, s - 2);
    for (const side of SIDES[this.key]) {
      const bar = bars[side];
      ctx.fillStyle = links[side] > 0 ? scaleColour(scaleIndex(links[side], this.range.least, this.range.most)) : "rgba(128, 128, 128, .25)";
      ctx.fillRect(...bar);
    }
  }

  drawNumber(ctx, region, row, col, x, y, s) {
    const value = this.valueAt({ region, row, col }), quantity = QUANTITIES.find((q) => q.key === this.key);
    ctx.font = "10px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = SIDES[this.key] ? themed("--text") : inkOn(scaleIndex(value, this.range.least, this.range.most));
    ctx.fillText(quantity.unit === "J" ? formatQuantity(value, "J") : formatCount(value, 0), x + s / 2, y + s / 2 + 1, s - 6);
    ctx.textAlign = "start";
  }

  drawRanks(ctx, x, y, w, h, scale) {
    const { x: starts, y: tops } = this.map.json.ranks;
    this.drawLines(ctx, x, y, w, h, scale, starts.slice(1), tops.slice(1), [["rgba(0, 0, 0, .65)", 3, []], ["#ffffff", 1.2, [7, 5]]]);
  }

  // Between dies; where they would be all that is seen, they are left out.
  drawBorders(ctx, x, y, w, h, scale) {
    const { borders, rows, cols } = this.map;
    const between = (pitch, n) => Array.from({ length: pitch * scale >= 4 ? Math.ceil(n / pitch) - 1 : 0 }, (_, i) => (i + 1) * pitch);
    this.drawLines(ctx, x, y, w, h, scale, between(borders.x, cols), between(borders.y, rows), [["rgba(0, 0, 0, .6)", 4, []], ["#ff9ecf", 2, []]]);
  }

  drawParts(ctx, x, y, scale) {
    ctx.lineWidth = 2.5;
    ctx.strokeStyle = themed("--text");
    for (const p of this.map.parts) {
      ctx.strokeRect(x + p.col * scale, y + p.row * scale, p.cols * scale, p.rows * scale);
      if (scale < TEXT_SCALE) this.drawName(ctx, p.name, x + p.col * scale + 5, y + p.row * scale + 5, p.cols * scale);
    }
  }

  // What is dead is drawn where it is passed over, a bar or a line before a core; slow cores have a frame.
  drawDefects(ctx, x, y, scale) {
    const { dead, rows, links, slow } = this.map.defects, few = dead.length + links.length < 400;
    const long = Math.max(scale, few ? 5 : 1), wide = Math.max(few ? 2 : 1, Math.min(8, scale / 5));
    const seen = (px, py) => px > -long && py > -long && px < this.width + long && py < this.height + long;
    const bar = (colour, px, py, w, h) => {
      if (!seen(px, py)) return;
      ctx.fillStyle = "rgba(0, 0, 0, .75)";
      if (few || scale >= 6) ctx.fillRect(px - w / 2 - 1, py - h / 2 - 1, w + 2, h + 2);
      ctx.fillStyle = colour;
      ctx.fillRect(px - w / 2, py - h / 2, w, h);
    };
    for (const [row, col] of dead) bar("#ff3b30", x + col * scale, y + (row + 0.5) * scale, wide, 0.8 * long);
    for (const [row] of rows) bar("#ff3b30", x + (this.map.cols / 2) * scale, y + row * scale, this.map.cols * scale, wide);
    for (const [row, col, side] of links)
      side === "west" ? bar("#4df3ff", x + col * scale, y + (row + 0.5) * scale, wide, 0.4 * long) : bar("#4df3ff", x + (col + 0.5) * scale, y + row * scale, 0.4 * long, wide);
    for (const [row, col] of slow) {
      const px = x + (col + 0.5) * scale, py = y + (row + 0.5) * scale, half = Math.max(2, scale / 2 - 1.5);
      if (!seen(px, py)) continue;
      for (const [colour, width] of [["rgba(0, 0, 0, .75)", 4], ["#4df3ff", 2]]) {
        ctx.strokeStyle = colour;
        ctx.lineWidth = width;
        ctx.strokeRect(px - half, py - half, 2 * half, 2 * half);
      }
    }
  }

  // Lines across the region before these columns and rows, once for each stroke.
  drawLines(ctx, x, y, w, h, scale, cols, rows, strokes) {
    const lines = [...cols.map((c) => [x + c * scale, y, x + c * scale, y + h]), ...rows.map((r) => [x, y + r * scale, x + w, y + r * scale])];
    for (const [colour, width, dash] of strokes) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.setLineDash(dash);
      ctx.beginPath();
      for (const [x0, y0, x1, y1] of lines) {
        ctx.moveTo(x0, y0);
        ctx.lineTo(x1, y1);
      }
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  // A frame round a core, wide enough to be seen from afar.
  drawMark(ctx, core, X, Y, scale, chosen) {
    const x = X(core.region.col + core.col + 0.5), y = Y(core.region.row + core.row + 0.5), half = Math.max(scale / 2, chosen ? 6 : 3);
    ctx.lineWidth = chosen ? 4 : 3;
    ctx.strokeStyle = "rgba(0, 0, 0, .8)";
    ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
    ctx.lineWidth = chosen ? 2 : 1;
    ctx.strokeStyle = chosen ? "#ff5a4f" : "#ffffff";
    ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
  }

  drawMinimap() {
    const longest = Math.min(120, this.width / 4), k = longest / Math.max(this.rows, this.cols), w = this.cols * k, h = this.rows * k;
    this.minimap.style.width = w + "px";
    this.minimap.style.height = h + "px";
    const ctx = fitCanvas(this.minimap, w, h), v = this.view;
    ctx.fillStyle = themed("--die");
    ctx.fillRect(0, 0, w, h);
    for (const r of this.regions) {
      const box = [r.col * k, r.row * k, this.map.cols * k, this.map.rows * k];
      if (r.used) this.drawField(ctx, r, ...box);
      ctx.lineWidth = 0.5;
      ctx.strokeStyle = themed("--faint");
      ctx.strokeRect(...box);
    }
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = "#ff5a4f";
    const left = Math.max(1, v.x * k), right = Math.min(w - 1, (v.x + this.width / v.scale) * k);
    const top = Math.max(1, v.y * k), bottom = Math.min(h - 1, (v.y + this.height / v.scale) * k);
    ctx.strokeRect(left, top, Math.max(5, right - left), Math.max(5, bottom - top));
  }
}
