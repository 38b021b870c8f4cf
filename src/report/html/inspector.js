// ---- the inspector: one core ----

// Where a core's time goes.
function timeOf(map, row, col) {
  const moving = map.json.moving, done = map.done(row, col), busy = map.value("busy", row, col);
  const adding = busy - map.json.compute - map.moving;
  return [
    { name: "computes", value: map.json.compute, colour: "var(--w0)" },
    { name: "shifts tiles", value: moving.shift, colour: "var(--w1)" },
    { name: "multicasts", value: moving.multicast, colour: "var(--w3)" },
    { name: "reduces", value: moving.reduce + adding, colour: "var(--w2)" },
    { name: "waits for others", value: Math.max(0, done - busy), colour: "var(--idle)" },
    { name: "is done", value: Math.max(0, map.cycles - done), colour: "var(--soft)" },
  ];
}

// The colours that verbs configure are numbered as they come, over the whole program.
function routesAt(map, row, col) {
  let colour = 0;
  return map.json.routed.map((r) => {
    const here = entry(r.cores, r.axis === "x" ? col : row), first = colour;
    colour += r.program;
    return { what: r.what, axis: r.axis, here, first, last: colour - 1 };
  });
}

function routesTable(map, row, col) {
  const rows = routesAt(map, row, col).map((r) => [
    el("span", {}, ...Array.from({ length: Math.min(6, r.last - r.first + 1) }, (_, i) => swatch(`hsl(${((r.first + i) * 137.5) % 360} 60% 55%)`)),
      `${r.what}, along ${r.axis}`),
    String(r.here), r.last > r.first ? `${r.first}\u2013${r.last}` : String(r.first),
  ]);
  return tableOf(["by verb", "here", "colours"], rows);
}

function linksTable(map, device, row, col) {
  const links = map.links(row, col);
  return tableOf(["link to the", "wavelets", "share of time"], Object.entries(links).map(([side, n]) =>
    [side, formatCount(n), n > 0 ? formatPercent((n * device.link) / map.cycles) : "\u2013"]));
}

function showCore(panel, map, run, core) {
  const { device } = run;
  if (!core) {
    panel.replaceChildren(el("h2", {}, "A core"), el("p", { class: "faint" },
      "Point at a core for its number, click it for all that is known of it. Wheel or pinch zooms, dragging moves; with the map in focus, arrow keys choose a core, + and \u2212 zoom, 0 shows all."));
    return;
  }
  const { row, col, region } = core, parts = timeOf(map, row, col);
  const held = region.held.map((h) => [h.what, formatCount(h.bytes), formatPercent(h.bytes / device.sram)]);
  panel.replaceChildren(
    el("h2", { id: "core-name" }, `Core (${row}, ${col})`),
    el("p", { class: "faint" }, `row ${row}, column ${col} of ${map.rows} \u00d7 ${map.cols}` + (region.name ? `, ${region.name}` : "") + `; rank ${map.rank(row, col)}`),
    el("h3", {}, "Its time"), stackOf(parts, map.cycles, "cycles"),
    el("h3", {}, "Tiles held"),
    tableOf(["tile", "bytes", "of its SRAM"], [...held, [el("b", {}, "together"), formatCount(region.sram), formatPercent(region.sram / device.sram)]]),
    el("h3", {}, `Routes: ${formatCount(map.value("routes", row, col))} of ${formatCount(device.routes)}`), routesTable(map, row, col),
    el("h3", {}, "Links"), linksTable(map, device, row, col),
    isNumber(map.json.energy.core_j) ? el("p", { class: "faint" }, "Energy: " + formatQuantity(map.value("energy", row, col), "J")) : null);
}
