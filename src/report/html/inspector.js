// ---- the inspector: one core ----

// Where a core's time goes.
function timeOf(map, row, col) {
  const all = [map.json, ...map.partsAt(row, col)], done = map.done(row, col), busy = map.value("busy", row, col);
  const compute = sum(all.map((p) => p.compute)), moving = (what) => sum(all.map((p) => p.moving[what]));
  const adding = busy - compute - sum(["shift", "multicast", "reduce"].map(moving));
  return [
    { name: "computes", value: compute, colour: "var(--w0)" },
    { name: "shifts tiles", value: moving("shift"), colour: "var(--w1)" },
    { name: "multicasts", value: moving("multicast"), colour: "var(--w3)" },
    { name: "reduces", value: moving("reduce") + adding, colour: "var(--w2)" },
    { name: "waits for others", value: Math.max(0, done - busy), colour: "var(--idle)" },
    { name: "is done", value: Math.max(0, map.cycles - done), colour: "var(--soft)" },
  ];
}

// The colours that verbs configure are numbered as they come, over the whole program, or that of a part.
function routesAt(json, row, col) {
  let colour = 0;
  return json.routed.map((r) => {
    const here = entry(r.cores, r.axis === "x" ? col : row), first = colour;
    colour += r.program;
    return { what: r.what, axis: r.axis, here, first, last: colour - 1 };
  });
}

function routesTable(map, row, col) {
  const all = [...routesAt(map.json, row, col), ...map.partsAt(row, col).flatMap((p) => routesAt(p, row - p.row, col - p.col))];
  const rows = all.map((r) => [
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

// What sets a core apart from others, in words.
function peculiarities(map, row, col) {
  const { dead, rows, links, slow } = map.defects, here = ([r, c]) => r === row && c === col;
  const many = (n, what) => (n > 1 ? `${n} ${what}s lie` : `a ${what} lies`);
  const border = (pitch, i, sides) => (pitch > 0 ? [i % pitch === 0 && i > 0 ? sides[0] : "", (i + 1) % pitch === 0 ? sides[1] : ""] : []);
  const borders = [...border(map.borders.x, col, ["west", "east"]), ...border(map.borders.y, row, ["north", "south"])].filter(Boolean);
  return [
    ...map.partsAt(row, col).map((p) => `of the part ${p.name}`),
    ...slow.filter(here).map((s) => `a slow core: work takes ${s[2]} times as long`),
    ...dead.filter(here).map((d) => many(d[2], "dead core") + " right before it"),
    ...rows.filter(([r]) => r === row).map(([, n]) => many(n, "row") + " above it that it could not use"),
    ...links.filter(here).map((l) => `its link to the ${l[2]} is dead`),
    borders.length ? `a border to the ${borders.join(" and ")}` : "",
  ].filter(Boolean);
}

function showCore(panel, map, run, core) {
  const { device } = run;
  if (!core) {
    panel.replaceChildren(el("h2", {}, "A core"), el("p", { class: "faint" },
      "Point at a core for its number, click it for all that is known of it. Wheel or pinch zooms, dragging moves; with the map in focus, arrow keys choose a core, + and \u2212 zoom, 0 shows all."));
    return;
  }
  const { row, col, region } = core, parts = timeOf(map, row, col);
  const tiles = [...region.held, ...map.partsAt(row, col).flatMap((p) => p.held)], sram = map.parts.length ? map.value("sram", row, col) : region.sram;
  const held = tiles.map((h) => [h.what, formatCount(h.bytes), formatPercent(h.bytes / device.sram)]);
  panel.replaceChildren(
    el("h2", { id: "core-name" }, `Core (${row}, ${col})`),
    el("p", { class: "faint" }, `row ${row}, column ${col} of ${map.rows} \u00d7 ${map.cols}` + (region.name ? `, ${region.name}` : "") + `; rank ${map.rank(row, col)}`),
    ...peculiarities(map, row, col).map((words) => el("p", { class: "peculiar" }, words)),
    el("h3", {}, "Its time"), stackOf(parts, map.cycles, "cycles"),
    el("h3", {}, "Tiles held"),
    tableOf(["tile", "bytes", "of its SRAM"], [...held, [el("b", {}, "together"), formatCount(sram), formatPercent(sram / device.sram)]]),
    el("h3", {}, `Routes: ${formatCount(map.value("routes", row, col))} of ${formatCount(device.routes)}`), routesTable(map, row, col),
    el("h3", {}, "Links"), linksTable(map, device, row, col),
    isNumber(map.json.energy.core_j) ? el("p", { class: "faint" }, "Energy: " + formatQuantity(map.value("energy", row, col), "J")) : null);
}
