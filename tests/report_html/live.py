"""The live page of plmr serve --http in a real browser: regions, cache and texts while answers are made, without a complaint, and
npm's openai package if node finds it is tried in tests/cli/endpoint.py.

live.py MPIEXEC PLMR FOLDER: screenshots are left in FOLDER. Without a browser it says so and is skipped (exit code 77).
"""
import json
import os
import signal
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from browser import Browser, skip_without_chromium  # noqa: E402
from cli import Checks, Plmr, outcome  # noqa: E402

check = Checks()
SERVE = "serve --http 127.0.0.1:0 --model demo --device wormhole --cores 3x3".split()


def ask(url, n):
    body = {"prompt": "Once upon a time", "max_tokens": n, "temperature": 0}
    request = urllib.request.Request(url + "v1/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["choices"][0]["text"]


def await_text(browser, selector, words, seconds=60):
    until = time.monotonic() + seconds
    while words not in (browser.text(selector) or "") and time.monotonic() < until:
        time.sleep(0.1)
    return browser.text(selector) or ""


def watch(browser, url, shots):
    """A story as it grows."""
    browser.open(url)
    check("plmr serve" in browser.run("document.title"), "the page is open")
    first = await_text(browser, "#facts", "0 done")
    check("0 wait, 0 are read, 0 make tokens, 0 done" in first, f"before anything is asked: {first}")
    regions = browser.run("document.querySelectorAll('#regions i').length")
    check(regions >= 1, f"{regions} regions")
    texts, seen = [], 0
    threads = [threading.Thread(target=lambda: texts.append(ask(url, 400))) for _ in range(3)]
    for thread in threads:
        thread.start()
    grown = await_text(browser, "#texts", "0:")
    while any(thread.is_alive() for thread in threads):
        seen = max(seen, browser.run("parseInt(document.getElementById('tokens').textContent.replaceAll(',', ''))") or 0)
        if seen and not os.path.exists(os.path.join(shots, "live.png")):
            browser.screenshot(os.path.join(shots, "live.png"))
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    check("0:" in grown and seen > 0, f"texts while they are made: {grown!r}, {seen} tokens in the cache")
    last = await_text(browser, "#facts", "3 done")
    shown = browser.text("#texts")
    check("3 done" in last and len(set(texts)) == 1 and texts[0].strip()[:40] in shown and texts[0].strip()[-40:] in shown, f"{last}: {texts[0][:60]!r} in {shown[:200]!r}")
    for name, width, height, mobile, scheme in (("live-dark", 1280, 900, False, "dark"), ("live-phone", 390, 844, True, "light")):
        browser.resize(width, height, 2 if mobile else 1, mobile)
        browser.prefer(scheme)
        browser.frames()
        wide = browser.run("document.documentElement.scrollWidth")
        check(wide <= width, f"{name}: {wide} wide")
        browser.screenshot(os.path.join(shots, name + ".png"))
    said = [line for line in browser.complaints() if not line.startswith("asks the network for " + url)]
    check(not said, f"the page complains: {said}")


def main():
    plmr, shots = Plmr(sys.argv[1], sys.argv[2]), sys.argv[3]
    skip_without_chromium()
    os.makedirs(shots, exist_ok=True)
    if os.path.exists(os.path.join(shots, "live.png")):
        os.remove(os.path.join(shots, "live.png"))
    server = plmr.start(SERVE, None)
    line = server.stdout.readline()
    url = "http://127.0.0.1:" + line.split("127.0.0.1:")[1].split("/")[0].strip() + "/"
    browser = Browser()
    try:
        watch(browser, url, shots)
    finally:
        browser.close()
        server.send_signal(signal.SIGINT)
        outcome(server, 60)
    check.done()


main()
