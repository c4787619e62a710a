"""How large the review page is, how long it loads, and how long a key takes to be on the screen.

Usage: python benchmarks/page.py [page.html ...]    (default: made-up pages of 50 and 500 events)
A made-up event has a crop, two more frames, a whole photo, a heat map and three natives. Needs
Chromium (apt install chromium). Each page is loaded as it is, and on a processor that is slowed
down six times. A key's time is Chromium's own, from the event to the next picture on the screen
(Event Timing, in steps of 8 ms). Writes page.csv.
"""

import shutil
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
from bench import SCRIPTS, report
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

sys.path.append(str(SCRIPTS))
from stowaway.pages.page import review_page  # noqa: E402

TEMPLATE = SCRIPTS.parent / "templates/queue.html"
KEYS = ["Enter", "j", "3", "h", "h", "1", " ", "Backspace", "j", "k", "0"] * 5
OBSERVE = """() => {
  window.slow = [];
  new PerformanceObserver(list => slow.push(...list.getEntriesByType("event")
    .filter(entry => entry.name === "keydown").map(entry => entry.duration)))
    .observe({ type: "event", durationThreshold: 16 });
}"""


def picture(rng: np.random.Generator, width: int, height: int) -> bytes:
    """A JPEG as large as one of a photo of leaves: noise whose strength falls with frequency."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    strength = np.maximum(np.hypot(down, across), 1 / width) ** -1.3
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(height, width))) * strength)
    pixels = np.clip(110 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    encoded = BytesIO()
    Image.fromarray(np.stack([pixels] * 3, 2)).save(encoded, "JPEG", quality=78, optimize=True)
    return encoded.getvalue()


def made_up(events: int) -> bytes:
    """A page of so many events at 40 locations."""
    rng = np.random.default_rng(0)
    natives = [picture(rng, 128, 96) for _ in range(200)]
    places = [
        {"name": f"cam {n}", "latitude": 34 + n % 7 / 50, "longitude": -119.7 - n / 90}
        for n in range(40)
    ]

    def card(n: int) -> dict:
        time = f"2026-11-1{n % 7}T2{n % 4}:10:00-08:00"
        frames = [(300, 225), (220, 165), (220, 165)]
        nearest = [
            {"species": name, "cosine": 0.5, "picture": natives[rng.integers(200)]}
            for name in ("fox", "mouse", "skunk")
        ]
        return {
            "kind": "event",
            **{"event": f"e{n}", "crop_id": f"c{n}", "image_path": f"crops/{n}.jpg"},
            **{"box": "1 2 3 4", "location": f"cam {n % 40}", "datetime": time, "crops": 3},
            **{"rank": n + 1, "score": 3.5, "p_value": 0.05, "alarm": n < 20, "label": ""},
            **{"sampled": "alarm" if n < 20 else "budget", "guess": "fox"},
            **{"nearest": "unlike any native; nearest fox 0.41", "infrared": n % 2 == 0},
            **{"size": [300, 225], "light": 90, "natives": nearest},
            "frames": [{"picture": picture(rng, *size), "time": time} for size in frames],
            "photo": {
                **{"picture": picture(rng, 480, 360), "width": 4000, "height": 3000},
                "box": [0.4, 0.4, 0.2, 0.2],
            },
            "heat": {"rows": 7, "columns": 7, "percent": [150] * 49, "part": [0, 0.1, 1, 0.8]},
        }

    meta = {
        **{"batch": "2026-w47", "queue_sha256": "0" * 64, "natives": ["fox", "mouse", "skunk"]},
        **{"watched": ["rat"], "photos": True, "left_out": [], "notes": [], "locations": places},
        **{"decimals": 2, "pages": ["queue.html"], "part": 1, "elsewhere": []},
    }
    return review_page(TEMPLATE.read_text(), meta, [card(n) for n in range(events)])


def measure(browser: Browser, path: Path, slowed: int) -> dict:
    """A row of the table for the page at `path`, on a processor slowed down so many times."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    tab = context.new_page()
    if slowed > 1:
        context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    started = time.perf_counter()
    tab.goto(path.resolve().as_uri())
    tab.locator("#crop[src]").wait_for()
    loaded = time.perf_counter() - started
    tab.evaluate(OBSERVE)
    for key in KEYS:
        tab.keyboard.press(key)
        tab.wait_for_timeout(60)
    times = tab.evaluate("slow")
    times += [16] * (len(KEYS) - len(times))  # faster ones are not told
    cards = tab.evaluate("cards.length")
    context.close()
    return {
        "events": cards,
        "processor": f"1/{slowed}" if slowed > 1 else "whole",
        "MB": round(path.stat().st_size / 1e6, 1),
        "load s": round(loaded, 2),
        "key to paint, median ms": f"{median(times):.0f}",
        "90 % ms": f"{np.quantile(times, 0.9):.0f}",
        "slowest ms": f"{max(times):.0f}",
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = [Path(name) for name in sys.argv[1:]]
        for events in () if pages else (50, 500):
            pages.append(Path(folder) / f"{events}.html")
            pages[-1].write_bytes(made_up(events))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        rows = [measure(browser, path, slowed) for path in pages for slowed in (1, 6)]
        report("page", rows, chromium=browser.version)


if __name__ == "__main__":
    main()
