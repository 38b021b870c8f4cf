"""Reports in a real browser: they load without a complaint and without the network, and show the records' numbers.

pages.py MPIEXEC PLMR FOLDER [wafer]: screenshots are left in FOLDER; with `wafer` only a whole wafer's pages, which have to
open and move in time, so nothing else should run. Without a browser it says so and is skipped (exit code 77).
"""
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from browser import Browser, skip_without_chromium  # noqa: E402
from cli import Checks, Plmr, show  # noqa: E402

check = Checks()


def number(text):
    """The first number in a text."""
    found = re.search(r"-?[\d,]+(\.\d+)?", text or "")
    return float(found[0].replace(",", "")) if found else None


def make(plmr, folder, name, args, ranks=None):
    """Runs plmr with a report; returns the page's path and the records."""
    page = os.path.join(folder, name + ".html")
    return page, plmr.records(args.split() + ["--report", page], ranks)


def box(browser, selector):
    return browser.run(f"(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect();"
                       " return [r.x, r.y, r.width, r.height] })()")


def place_of(browser, row, col):
    """Where a core is on the screen."""
    x, y, _, _ = box(browser, "#map")
    at = browser.run(f"(() => {{ const w = page.wafer, r = w.regions[0], s = w.view.scale;"
                     f" return [(r.col + {col} + .5 - w.view.x) * s, (r.row + {row} + .5 - w.view.y) * s] }})()")
    return x + at[0], y + at[1]


def show_quantity(browser, key):
    browser.run(f"document.querySelector('#quantities [data-key={key}]').click()")
    browser.frames()


def choose_run(browser, index):
    browser.run(f"byId('run').value = '{index}'; byId('run').dispatchEvent(new Event('change'))")
    browser.frames()


def check_cards(browser, record):
    cards = browser.text("#cards")
    for value in (f"{record['cycles']:,}", f"{record['sram_peak_bytes']:,}", f"{record['hops_critical']:,}"):
        check(value in cards, f"{record['algorithm']}: the cards have {value}: {cards!r}")
    limits = browser.text("#plmr")
    check(f"{record['routes_max']} of {record['routes_limit']}" in limits, f"routes beside their limit: {limits!r}")


def check_hover(browser, record):
    """The number of each quantity, at a core's place on the screen, against the record's."""
    row, col = record["rows"] // 3, record["cols"] - 2
    last = browser.run("page.run.maps[0].latest()")
    want = {"sram": record["sram_peak_bytes"], "done": record["cycles"]}
    for key, value in want.items():
        show_quantity(browser, key)
        browser.point(*place_of(browser, last["row"], last["col"]))
        lines = browser.text("#tooltip").split("\n")
        check(lines[0] == f"core ({last['row']}, {last['col']})", f"the core pointed at: {lines}")
        check(number(lines[1].split(":")[1]) == value, f"{record['algorithm']}, {key}: {lines[1]} is not {value}")
    show_quantity(browser, "routes")
    browser.point(*place_of(browser, row, col))
    most = browser.run("page.run.maps[0].field('routes').most")
    check(most == record["routes_max"], f"most routes {most} of {record['routes_max']}")
    for key in ("busy", "wait"):
        show_quantity(browser, key)
        browser.point(*place_of(browser, row, col))
        want[key] = number(browser.text("#tooltip").split("\n")[1].split(":")[1])
    check(want["busy"] + want["wait"] == record["cycles"], f"busy and waiting cycles make all: {want}")
    check(want["busy"] >= record["compute_cycles"], f"a core is busy for as long as it computes: {want}")


def check_links(browser, record):
    total = browser.run("""(() => { const { links: { x, y } } = page.run.maps[0].json, m = page.run.maps[0]; let n = 0;
        for (const way of [x.up, x.down]) for (let c = 0; c < m.cols; c++) n += entry(way, c) * m.rows;
        for (const way of [y.up, y.down]) for (let r = 0; r < m.rows; r++) n += entry(way, r) * m.cols;
        return n })()""")
    check(total == record["wavelet_hops"], f"{record['algorithm']}: links carry {total} of {record['wavelet_hops']} wavelets")


def check_energy(browser, record):
    """Of all cores together: what the record has, but idle power of the region's cores alone."""
    total = browser.run("page.run.maps[0].field('energy').values.reduce((a, b) => a + b, 0)")
    share = record["rows"] * record["cols"] / 745500
    want = record["energy_compute_j"] + record["energy_sram_j"] + record["energy_fabric_j"] + record["energy_idle_j"] * share
    check(abs(total / want - 1) < 1e-9, f"{record['algorithm']}: cores take {total} J of {want}")


def check_inspector(browser, record):
    row, col = record["rows"] // 2, record["cols"] // 2
    browser.click(*place_of(browser, row, col))
    text = browser.text("#inspector")
    check(f"Core ({row}, {col})" in text, f"the core that was clicked: {text!r}")
    together = re.search(r"together\s+([\d,]+)", text)
    check(together and number(together[1]) == record["sram_peak_bytes"], f"tiles add up to {record['sram_peak_bytes']}: {text!r}")
    check(f"of {record['routes_limit']}" in text and "Links" in text, f"routes and links: {text!r}")
    time = browser.run(f"timeOf(page.map, {row}, {col}).reduce((a, p) => a + p.value, 0)")
    check(abs(time - record["cycles"]) < 0.01, f"a core's time adds up to {record['cycles']}: {time}")


def check_hands(browser):
    """Wheel, keys and buttons."""
    x, y, w, h = box(browser, "#map")
    before = browser.run("page.wafer.view.scale")
    for _ in range(6):
        browser.wheel(x + w / 2, y + h / 2, -300)
    check(browser.run("page.wafer.view.scale") > 2 * before, "the wheel zooms")
    browser.run("byId('map').focus()")
    browser.key("0")
    check(abs(browser.run("page.wafer.view.scale") - before) < 1e-9, "0 shows all again")
    was = browser.text("#core-name")
    browser.key("ArrowRight")
    check(browser.text("#core-name") != was, "an arrow key chooses the next core")


def check_colours(browser):
    """A core has the colour of its value; and the theme can be switched."""
    show_quantity(browser, "done")
    x, y, _, _ = box(browser, "#map")
    seen = set()
    for row in range(0, browser.run("page.map.rows"), 3):
        px, py = place_of(browser, row, 1)
        drawn, meant = browser.run(f"""(() => {{ const one = el('canvas', {{ width: 1, height: 1 }}).getContext('2d', {{ willReadFrequently: true }});
            one.drawImage(byId('map'), {px - x}, {py - y}, 1, 1, 0, 0, 1, 1);
            const d = one.getImageData(0, 0, 1, 1).data;
            const f = page.map.field('done'), i = scaleIndex(page.map.done({row}, 1), f.least, f.most);
            return [`rgb(${{d[0]}}, ${{d[1]}}, ${{d[2]}})`, scaleColour(i)] }})()""")
        seen.add(drawn)
        check(drawn == meant, f"core ({row}, 1) is drawn {drawn}, not {meant}")
    check(len(seen) > 2, f"cores that are done at different times have different colours: {seen}")
    light = browser.run("getComputedStyle(document.body).backgroundColor")
    browser.run("byId('theme').click()")
    browser.frames()
    check(browser.run("getComputedStyle(document.body).backgroundColor") != light, "the button switches to dark")
    browser.run("byId('theme').click()")


def check_phone(browser, page, name, folder):
    browser.resize(390, 844, 2, True)
    browser.open(page)
    width = browser.run("[document.documentElement.scrollWidth, window.innerWidth]")
    check(width[0] <= width[1], f"{name}: a phone need not scroll sideways: {width}")
    cut = browser.run("(() => { const t = document.querySelector('#compare .scroll'); return t ? t.scrollWidth - t.clientWidth : 0 })()")
    check(cut <= 0, f"{name}: {cut} pixels of the comparison are cut")
    browser.screenshot(os.path.join(folder, name + "-phone.png"))
    browser.resize(1280, 900)


def check_gemm(plmr, browser, folder, shots):
    page, records = make(plmr, folder, "gemm", "gemm --m 60 --k 70 --n 80 --cores 20x30 --verify", 2)
    browser.open(page)
    for i, record in enumerate(records):
        choose_run(browser, i)
        check_cards(browser, record)
        check_hover(browser, record)
        check_links(browser, record)
        check_energy(browser, record)
        check_inspector(browser, record)
    check_hands(browser)
    choose_run(browser, 1)
    rows = browser.text("#compare")
    check(f"{records[0]['cycles']:,}" in rows and f"{records[1]['cycles']:,}" in rows, f"both runs' cycles side by side: {rows!r}")
    check(browser.run("page.map.rank(19, 29)") == 1 and browser.run("page.map.rank(0, 0)") == 0, "two ranks have a block each")
    browser.screenshot(os.path.join(shots, "gemm.png"), True)
    check_steps(browser)
    check(not browser.complaints(), f"gemm: {browser.complaints()}")
    check_phone(browser, page, "gemm", shots)


def check_steps(browser):
    """In every frame of the shown algorithms each core of a product holds tiles of one k, once aligned."""
    alike = browser.run("""['meshgemm', 'cannon', 'summa', 'allgather', 'summa-overlap'].every(name => [3, 4, 5, 8].every(n =>
        GEMM_FRAMES[name](n).filter(f => f.done).every(f => { const k = {}; return f.tiles.every(t => {
            const at = name.startsWith('summa') ? t.to.join() : t.from.join(); return (k[at] ??= t.k) === t.k }) })))""")
    check(alike, "cores hold tiles of one k")
    whole = browser.run("""['chain', 'star', 'tree', 'ktree', 'two-phase', 'ring'].every(name => [3, 7, 16].every(n =>
        lineFrames(name, n).at(-1).after.every(held => held === n)))""")
    check(whole, "every core has every core's value in the end")
    reach = browser.run("""Math.max(...GEMM_FRAMES.meshgemm(9).flatMap(f => f.tiles).map(t =>
        Math.abs(t.from[0] - t.to[0]) + Math.abs(t.from[1] - t.to[1])))""")
    check(reach == 2, f"no tile goes further than two hops on an interleaved ring: {reach}")
    browser.run("byId('step-play').click()")
    browser.run("new Promise(done => setTimeout(done, 400))")
    check(browser.run("page.steps.at") > 0, "the animation plays")
    browser.run("byId('step-play').click()")


def check_others(plmr, browser, folder, shots):
    for name, args in {"gemv": "gemv --k 100 --n 90 --cores 24x20", "transposed": "gemm --m 40 --k 40 --n 40 --cores 12x12 --transpose-b",
                       "allreduce": "allreduce --length 40 --cores 9x14", "torus": "gemm --m 40 --k 40 --n 40 --cores 10x8 --device wormhole"}.items():
        page, records = make(plmr, folder, name, args)
        browser.open(page)
        for i, record in enumerate(records):
            choose_run(browser, i)
            check_links(browser, record)
            check(f"{round(record['cycles'], 2):,}" in browser.text("#cards"), f"{name}: cycles of {record['algorithm']}")
        if name == "gemv":
            choose_run(browser, 0)
            check_colours(browser)
        check(not browser.complaints(), f"{name}: {browser.complaints()}")
        browser.screenshot(os.path.join(shots, name + ".png"), True)


def check_irregular(plmr, browser, folder, shots):
    """Borders, dead and slow cores; links each with a load of its own; parts."""
    device = "wse2:yield=0.97,slow_share=0.02,slow_factor=1.5,seed=3,border_rows=8,border_cols=6,border_hop=20"
    page, (record,) = make(plmr, folder, "irregular", "gemm --m 48 --k 48 --n 48 --cores 24x24 --alg meshgemm --device " + device)
    browser.open(page)
    check_links(browser, record)
    dead, slow = browser.run("[page.map.defects.dead, page.map.defects.slow]")
    check(dead and all(n >= 1 for _, _, n in dead) and slow and all(times == 1.5 for _, _, times in slow), f"defects: {dead} {slow}")
    check("Borders" in browser.text("#colourbar") and "Dead" in browser.text("#colourbar"), "what is drawn has its key")
    for (row, col, *_), words in ((dead[0], "right before it"), (slow[0], "1.5 times as long"), ((8, 7), "a border to the north"), ((3, 5), "a border to the east")):
        browser.click(*place_of(browser, row, col))
        check(words in browser.text("#inspector"), f"core ({row}, {col}): {words!r} in {browser.text('#inspector')!r}")
    for key in ("links_x", "links_y"):
        show_quantity(browser, key)
    browser.screenshot(os.path.join(shots, "irregular.png"), True)
    values = browser.run("""(() => { const json = { ...page.map.json, links: { ...page.map.json.links }, parts: [] };
        const codes = new Uint8Array(24 * 24); codes[3 * 24 + 5] = 1;
        json.links.x = { up: { values: [0, 7], bits: 8, cores: btoa(String.fromCharCode(...codes)) }, down: 0 };
        json.parts.push({ name: "p", row: 3, col: 4, rows: 2, cols: 3, compute: 10, moving: { shift: 1, multicast: 2, reduce: 3 },
            adding: { x: [0, 4, 0], y: 0 }, routed: [{ what: "r", axis: "x", program: 1, cores: [1, 2, 1] }], held: [{ what: "t", bytes: 40 }], core_j: 0 });
        const map = new CoreMap(json), plain = page.map;
        return [map.value("links_x", 3, 5), map.value("links_x", 3, 4), map.links(3, 6).west, map.value("busy", 4, 5) - plain.value("busy", 4, 5),
            map.value("busy", 5, 5) - plain.value("busy", 5, 5), map.value("routes", 3, 5) - plain.value("routes", 3, 5),
            map.value("sram", 3, 5) - map.value("sram", 5, 5), sum(timeOf(map, 3, 5).slice(0, 4).map(p => p.value)) - map.value("busy", 3, 5)] })()""")
    check(values == [7, 0, 0, 20, 0, 2, 40, 0], f"links of their own, and a part: {values}")
    check(not browser.complaints(), f"irregular: {browser.complaints()}")
    check_phone(browser, page, "irregular", shots)


def drawn_texts(browser, draw):
    """What is written on canvases by an expression."""
    return browser.run("(() => { const plain = CanvasRenderingContext2D.prototype.fillText, texts = [];"
                       " CanvasRenderingContext2D.prototype.fillText = function(text) { texts.push(text); };"
                       f" {draw}; CanvasRenderingContext2D.prototype.fillText = plain; return texts; }})()")


def check_print(browser):
    """Paper is light, with colours and pictures of its own width; the screen has its own again then."""
    look = ("[document.documentElement.dataset.theme, byId('map').clientWidth, ...[...document.querySelectorAll('canvas:not(#minimap, #bar, #compare *)')]"
            ".map((c) => c.width - c.clientWidth)]")
    before = browser.run(look)
    browser.run(f"addEventListener('beforeprint', () => window.printed = {look})")
    browser.call("Page.printToPDF")
    printed, after = browser.run("printed"), browser.run(look)
    check(printed[0] == "light" and printed[1] < 700 and all(abs(n) <= 1 for n in printed[2:]), f"on paper: {printed}")
    check(before == after and before[0] == "dark", f"after it: {after}, before: {before}")
    browser.call("Emulation.setEmulatedMedia", media="print")
    seen = browser.run("[getComputedStyle(document.querySelector('.meter i')).printColorAdjust, byId('zoom').checkVisibility(), byId('map').checkVisibility()]")
    check(seen == ["exact", False, True], f"what paper shows: {seen}")
    browser.call("Emulation.setEmulatedMedia", media="")


def check_llm(plmr, browser, folder, shots):
    args = "llm --model llama3-8b --prompt 1024 --decode 40 --prefill-cores 330x330 --decode-cores 300x300"
    page, (record,) = make(plmr, folder, "llm", args, 2)
    browser.open(page)
    cycles = record["prefill_cycles"] + record["relayout_cycles"] + record["tpot_s"] * 1.1e9 * record["output_tokens"]
    run = browser.text("#timeline .strip-name")
    check(abs(number(run.split("\n")[-1]) - cycles) < 1, f"the timeline has all cycles, {cycles}: {run!r}")
    held = browser.run("page.run.maps.map(m => Math.max(...m.regions(page.run.device).map(r => r.sram)))")
    check(held[1] == record["sram_peak_bytes"], f"the fullest stage holds {held} of {record['sram_peak_bytes']}")
    used = browser.run("page.run.maps[1].regions(page.run.device).filter(r => r.used).length")
    check(used == min(record["stages"], record["regions"]), f"{used} regions of {record['stages']} are used")
    browser.run("document.querySelector('.strip').scrollIntoView({ block: 'center' })")
    x, y, w, h = box(browser, ".strip")
    browser.click(x + 3, y + h / 2)
    check("Prefill of 1,024" in browser.text("#timeline"), "a click on the run's begin chooses prefill")
    browser.run("[...document.querySelectorAll('#timeline .tabs button')].find(b => b.innerText === 'decode').click()")
    browser.click(x + w - 2, y + h / 2)
    check("Token 40 of decode" in browser.text("#timeline"), "and one at its end the last token")
    browser.run("byId('map').scrollIntoView()")
    browser.click(*place_of(browser, 50, 70))
    check("weights of" in browser.text("#inspector"), f"the stage's tiles: {browser.text('#inspector')!r}")
    check(not browser.complaints(), f"llm: {browser.complaints()}")
    browser.screenshot(os.path.join(shots, "llm.png"), True)
    check("norms and other elements" in browser.text("#timeline .legend") and "norms and other elements" in browser.text("#works"), "kinds of work have one name")
    named = [[region["name"] in texts for region in browser.run("page.wafer.regions.filter(r => r.used)")[:1]][0]
             for texts in (drawn_texts(browser, f"page.wafer.view = {{ x: 0, y: 0, scale: {scale} }}, page.wafer.draw()") for scale in (45, 47))]
    check(named == [True, False], f"where numbers are drawn no name lies on them: {named}")
    browser.prefer("dark")
    browser.open(page)
    browser.screenshot(os.path.join(shots, "llm-dark.png"), True)
    check_print(browser)
    browser.prefer("light")
    check_phone(browser, page, "llm", shots)


def check_merged(plmr, browser, folder):
    """Pages and records on one page; names that would be markup; another version's record."""
    both = os.path.join(folder, "both.html")
    records = os.path.join(folder, "records.jsonl")
    evil = {"command": "gemm", "algorithm": "</script><img src=x onerror=alert(1)>", "device": "<b>", "rows": 4, "cols": 4, "cycles": 10,
            "version": "0.0.1"}
    with open(records, "w", encoding="utf-8") as file:
        file.write(json.dumps(evil) + "\n")
        for cores in 4, 5:
            for point in 1, 2:
                file.write(json.dumps(evil | {"rows": cores, "run": "r", "point": {"tree-k": point}}) + "\n")
    args = ["report", os.path.join(folder, "gemm.html"), records, "--out", both]
    code, _, err = plmr.run(args)
    check(code == 0 and len(err) == 1 and "0.0.1" in err[0], f"{show(args)} ends with {code} and notes the version: {err}")
    browser.open(both)
    check("0.0.1" in browser.text("#notes"), "the page notes the version")
    options = browser.run("[...byId('run').options].map((o) => o.innerText)")
    check(len(set(options)) == len(options) and options[-1].endswith("of <b>, tree-k 2"), f"the list tells runs apart: {options}")
    choose_run(browser, len(options) - 1)
    check(browser.run("document.querySelectorAll('#plmr .meter').length") == 0, "no meter where nobody knows of how much")
    check("undefined" not in browser.text("#subtitle"), f"what a record does not say is left out: {browser.text('#subtitle')!r}")
    check(evil["algorithm"] in browser.text("#title"), f"markup is shown as text: {browser.text('#title')!r}")
    check("--report" in browser.text("#wafer"), "a record alone has no map, and says what would make one")
    check(browser.run("document.querySelectorAll('img').length") == 0 and not browser.complaints(), f"{browser.complaints()}")


def check_axes(browser):
    """Each axis of the curves says at least two numbers, however close or far what it shows lies together, no two alike, and none on another."""
    for factor in 1, 1.02, 1.1, 1.3, 2, 4, 8, 30, 1000, 1e8:
        for first in 1.1, 2.1, 5.2, 8, 0.0031, 730:
            browser.run(f"page.serving.points = [{first}, {first * factor}].map((v) => ({{ rate: v, ttft: v, tpot: v / 7, speed: v * 3 }}))")
            drawn = browser.run("""(() => { const plain = CanvasRenderingContext2D.prototype.fillText, drawn = [];
                CanvasRenderingContext2D.prototype.fillText = function(text, x) { drawn.push([page.serving.canvases.indexOf(this.canvas), this.textAlign, text, x, this.measureText(text).width]); };
                page.serving.drawCurves(); CanvasRenderingContext2D.prototype.fillText = plain; return drawn; })()""")
            for axis in [(i, align) for i in range(3) for align in ("right", "center")]:
                texts = [text for i, align, text, _, _ in drawn if (i, align) == axis]
                check(2 <= len(texts) == len(set(texts)) <= 12 and not any(" m" == text[-2:] for text in texts), f"from {first} to {first * factor} axis {axis} says {texts}")
            for i in range(3):
                spans = [(x - w / 2, x + w / 2) for j, align, _, x, w in drawn if (j, align) == (i, "center")]
                check(all(a[1] < b[0] for a, b in zip(spans, spans[1:])), f"from {first} to {first * factor}: labels of axis {i} touch: {spans}")
    browser.run("page.showRun(0)")


def check_serving(plmr, browser, folder, shots):
    """Requests, regions and the cache over time; the curve of rates that were tried, and of runs on one page."""
    page, (record,) = make(plmr, folder, "serve", "serve --rate 20 --requests 120 --lengths 64/20 --slo ttft=1,tpot=0.05")
    browser.open(page)
    cards = browser.text("#cards")
    check(f"{record['throughput_tok_s']:,.0f}" in cards and "120" in cards, f"cards of serving: {cards!r}")
    check(browser.run("byId('curve').hidden") and not browser.run("byId('serving').hidden"), "one run has no curve")
    kept = browser.run("page.run.serving")
    mean = sum(map(sum, kept["regions"])) * kept["seconds"] / len(kept["regions"]) / record["virtual_s"]
    check(abs(mean - record["utilisation"]) < 0.01, f"regions at work {mean}, in the record {record['utilisation']}")
    check(len(kept["requests"]) == 120 and len(kept["regions"]) == record["stages"], "all requests and regions are there")
    last = max(request[2] for request in kept["requests"])
    check(abs(last - record["virtual_s"]) < 1e-6 and max(kept["cache"]) <= record["kv_peak_tokens"], f"the last token: {last}")
    x, y, w, h = box(browser, "#serving .strip")
    browser.point(x + w / 2, y + h / 2)
    said = browser.text("#serving .strip-name .num")
    check(" at " in said, f"what is said of a moment: {said!r}")
    browser.run("document.querySelectorAll('#serving .strip')[1].focus()")
    labels = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        browser.key(key)
        labels.append(browser.run("document.activeElement.getAttribute('aria-label')"))
    check(labels[0] == labels[2] != labels[1] and all(label.startswith("How many: ") and " at " in label for label in labels), f"keys move the moment: {labels}")
    most = browser.run("Math.max(...page.serving.data.cache)")
    check(f"{most:,.0f} tokens" in drawn_texts(browser, "page.serving.draw()"), f"the most that the cache holds, {most}, is written")
    others = [make(plmr, folder, f"serve{i}", f"serve {rate} --requests=120 --lengths 64/20 --slo ttft=1,tpot=0.05 {more}")[0]
              for i, (rate, more) in enumerate((("--rate=10", ""), ("--rate 40", "--quiet"), ("--rate 20", "--batch 2"), ("--rate 20", "--policy fcfs --batch 2")))]
    both = os.path.join(folder, "rates.html")
    code, _, err = plmr.run(["report", page] + others + ["--out", both])
    check(code == 0, f"report: {err}")
    browser.open(both)
    label = browser.run("document.querySelector('#curve canvas').getAttribute('aria-label')")
    check(label.count("requests/s") == 3, f"the curve of those that differ in the rate alone: {label}")
    check("--lengths=64/20 --requests=120 --slo=" in browser.text("#curve .shared"), f"what they share: {browser.text('#curve .shared')!r}")
    names = browser.run("page.runs.map((run) => run.name)")
    check(len(set(names)) == 5 and names[3].endswith(", --batch=2"), f"names that tell runs apart: {names}")
    check_axes(browser)
    check("Maps need" not in browser.text("#compare"), f"serving has no maps that --report could keep: {browser.text('#compare')!r}")
    apart, (record,) = make(plmr, folder, "apart", "serve --model demo --device wormhole --rate 3000 --requests 99 --lengths 64/20 --prompt-replicas 1")
    browser.open(apart)
    said = browser.text("#serving > .strip-name:nth-last-of-type(2) .num")
    check(abs(number(said) - 100 * record["utilisation"]) < 0.11, f"regions at work: {said!r}, in the record {record['utilisation']}")
    found, _ = make(plmr, folder, "found", "serve --find-rate --slo ttft=0.3,tpot=0.05 --requests 60 --lengths 64/20")
    browser.open(found)
    points = browser.run("page.serving.points")
    check(len(points) > 8 and any(p["good"] for p in points) and not all(p["good"] for p in points), f"tried: {points}")
    browser.screenshot(os.path.join(shots, "serve.png"), whole=True)
    for name, width, height, mobile, scheme in (("serve-dark", 1280, 900, False, "dark"), ("serve-phone", 390, 844, True, "light")):
        browser.resize(width, height, 2 if mobile else 1, mobile)
        browser.prefer(scheme)
        browser.frames()
        browser.screenshot(os.path.join(shots, name + ".png"), whole=True)
        check(browser.run("document.documentElement.scrollWidth") <= width, f"{name} is too wide")
    browser.resize(1280, 900)
    browser.prefer("light")
    check(not browser.complaints(), f"serving: {browser.complaints()}")


def check_full_wafer(plmr, browser, folder, shots):
    page, _ = make(plmr, folder, "wafer", "gemm --alg cannon --m 2000 --k 2000 --n 2000 --cores 750x750 --mode timing")
    whole, (record,) = make(plmr, folder, "wse2", "allreduce --alg ktree --length 64 --cores 994x750 --mode timing")
    for path in (page, whole):
        n_bytes = os.path.getsize(path)
        check(n_bytes < 15e6, f"{path} has {n_bytes} bytes")
        seconds = browser.open(path)
        print(f"{os.path.basename(path)}: {n_bytes / 1e6:.1f} MB, opens in {seconds:.2f} s")
        check(seconds < 2, f"{path} opens in {seconds:.2f} s")
    check(record["rows"] * record["cols"] == 745500, "this is every core of the wafer")
    slowest = browser.run("""(async () => { const w = page.wafer; let worst = 0;
        for (let i = 0; i < 20; i++) { const t = performance.now(); w.zoomAt(300, 300, i < 10 ? 1.3 : 1 / 1.3); w.move(9, 5);
            await new Promise(requestAnimationFrame); w.draw(); worst = Math.max(worst, performance.now() - t) } return worst })()""")
    print(f"slowest of 20 frames: {slowest:.0f} ms")
    check(slowest < 500, f"moving stays fluid: a frame took {slowest:.0f} ms")
    browser.screenshot(os.path.join(shots, "wse2.png"))
    check(not browser.complaints(), f"wafer: {browser.complaints()}")


def main():
    plmr, shots = Plmr(sys.argv[1], sys.argv[2]), sys.argv[3]
    skip_without_chromium()
    os.makedirs(shots, exist_ok=True)
    browser = Browser()
    try:
        with tempfile.TemporaryDirectory() as folder:
            if sys.argv[4:] == ["wafer"]:
                check_full_wafer(plmr, browser, folder, shots)
            else:
                check_gemm(plmr, browser, folder, shots)
                check_irregular(plmr, browser, folder, shots)
                check_others(plmr, browser, folder, shots)
                check_llm(plmr, browser, folder, shots)
                check_merged(plmr, browser, folder)
                check_serving(plmr, browser, folder, shots)
    finally:
        browser.close()
    print(f"screenshots: {shots}")
    check.done()


main()
