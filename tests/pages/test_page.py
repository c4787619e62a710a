"""The review page: what Python puts into it, by hand counts, and what it does in a Chromium."""

import base64
import csv
import hashlib
import json
import re
from contextlib import contextmanager

import pandas as pd
import pytest
from week import HOSTILE, Week, jpeg

from conftest import ROOT
from stowaway.pages import page as paging
from stowaway.pages.page import LIMITS, left_out, notes, page_parts, review_page
from stowaway.review.decisions import Queues, read_files
from stowaway.review.suppression import PERSON

TEMPLATE = (ROOT / "workflow/templates/queue.html").read_text()


def data_of(html: bytes) -> dict:
    (text,) = re.findall(rb'<script type="application/json" id="data">(.*?)</script>', html)
    return json.loads(text)


# What Python writes ------------------------------------------------------------------------------


def test_equal_pictures_are_stored_once_and_nothing_in_the_data_is_markup():
    cards = [{"event": HOSTILE, "frames": [{"picture": b"one"}, {"picture": b"two"}, b"one"]}]
    html = review_page(TEMPLATE, {"batch": "w\\1 <!-- policy -->"}, cards)
    data = data_of(html)
    assert [base64.b64decode(text) for text in data["pictures"]] == [b"one", b"two"]
    assert data["cards"][0]["frames"] == [{"picture": 0}, {"picture": 1}, 0]
    assert data["cards"][0]["event"] == HOSTILE and data["batch"] == "w\\1 <!-- policy -->"
    assert HOSTILE.encode() not in html and html.count(b"<script") == 2
    with pytest.raises(ValueError):
        review_page(TEMPLATE, {}, [{"score": float("nan")}])


def test_the_policy_has_the_checksums_of_the_style_and_the_program():
    html = review_page(TEMPLATE, {}, []).decode()
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', html)
    for element in ("style", "script"):
        (text,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
        checksum = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{checksum}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


def test_a_page_holds_500_cards_and_50_megabytes(monkeypatch):
    assert [len(part) for part in page_parts([{}] * 1001)] == [500, 500, 1]
    assert page_parts([]) == [[]]
    monkeypatch.setattr(paging, "MOST_BYTES", 1_000_000 + 3_000)
    card = {"frames": [{"picture": b"x" * 900}]}  # 1,204 bytes as base64
    assert [len(part) for part in page_parts([card] * 5)] == [2, 2, 1]


def test_cards_that_one_page_cannot_hold_go_to_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(paging.page_parts, "__defaults__", (4,))
    (tmp_path / "queue_9.html").write_text("of an earlier queue")
    first = data_of(Week(tmp_path).write().read_bytes())
    second = data_of((tmp_path / "queue_2.html").read_bytes())
    assert [len(first["cards"]), len(second["cards"])] == [4, 3]
    assert first["pages"] == second["pages"] == ["queue.html", "queue_2.html"]
    assert second["part"] == 2 and second["elsewhere"] == ["e0", "e1", "e2", "e3"]
    assert not (tmp_path / "queue_9.html").exists()


def test_a_card_has_the_box_in_photo_and_heat_map_and_the_time_of_each_frame(tmp_path):
    data = data_of(Week(tmp_path).write().read_bytes())
    card = data["cards"][0]
    assert card["box"] == "64 48 320 240" and card["photo"]["box"] == [0.1, 0.1, 0.5, 0.5]
    assert card["size"] == [120, 90] and not card["infrared"]
    assert [frame["time"][11:16] for frame in card["frames"]] == ["08:10", "08:11"]
    assert card["heat"] == {
        "rows": 2,
        "columns": 2,
        "percent": [50, 250, 50, 250],
        "part": [0, 0.125, 1, 0.75],
    }
    assert [native["cosine"] for native in card["natives"]] == [0.9, 0.5, 0.25]
    assert [c["infrared"] for c in data["cards"]] == [False, False, True, False, False, True, True]
    assert data["cards"][-1]["event"] == "repeat:east:1" and data["cards"][-1]["occurrences"] == 34
    queue = (tmp_path / "queue.csv").read_bytes()
    assert data["queue_sha256"] == hashlib.sha256(queue).hexdigest()
    assert (tmp_path / "queues" / f"{data['queue_sha256']}.csv").read_bytes() == queue


def test_whole_photos_are_shown_only_where_people_are_looked_for(tmp_path):
    week = Week(tmp_path, 3)
    week.detected = False
    assert all(c["photo"] is None for c in data_of(week.write().read_bytes())["cards"])
    assert data_of(week.write(people_shown=True).read_bytes())["cards"][0]["photo"]
    (tmp_path / "photo0.jpg").unlink()
    (tmp_path / "photo1.jpg").write_bytes(b"no photo")
    (tmp_path / "crop20.jpg").unlink()
    cards = data_of(week.write(people_shown=True).read_bytes())["cards"]
    assert [c["photo"] is None for c in cards] == [True, True, False, False]
    assert [c["frames"][0]["picture"] is None for c in cards] == [False, False, True, True]


def test_what_is_left_out_is_counted_in_words():
    queue = pd.DataFrame(
        {
            "event": ["a", "b", "c", "d", "e", "p"],
            "sampled": ["alarm", "", "", "", "", ""],
            "suppressed": ["", "", "muted", "muted", "repeated", PERSON],
        }
    )
    suppressed = pd.DataFrame(
        {
            "event": ["a", "c", "d", "e", "e", "p"],
            "reason": ["set back", "muted", "muted", "repeated", "repeated", PERSON],
            "group": ["g1", "", "", "g1", "g2", ""],
            "alarm": ["no", "yes", "no", "no", "no", "no"],
        }
    )
    people = pd.DataFrame({"image_id": ["1", "2", "3"], "event": ["p", "p", "q"]})
    assert left_out(queue, suppressed, people) == [
        "2 events with a person or a vehicle (3 photos): never shown",
        "2 events: muted; 1 alarm among them",
        "1 event: repeated (2 groups, each with a card at the end)",
        "1 event below the budget, and not drawn for the sample",
    ]
    assert left_out(queue.head(1), suppressed.head(0), people.head(0)) == []


def test_the_map_has_rounded_coordinates_by_the_names_of_the_cards(tmp_path):
    week = Week(tmp_path, 3)
    week.deployments = tmp_path / "deployments.csv"
    week.deployments.write_text(
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd\n"
        "EAST,34.0149,-119.776,2026-01-01,2026-12-31\nnorth,35,-119,2026-01-01,2026-12-31\n"
    )
    assert data_of(week.write(decimals=2).read_bytes())["locations"] == [
        {"name": "east", "latitude": 34.01, "longitude": -119.78},
        {"name": "north", "latitude": 35, "longitude": -119},
    ]


def test_a_card_has_the_nearest_example_only_where_there_is_one(tmp_path):
    week = Week(tmp_path, 3)
    without = data_of(week.write().read_bytes())
    assert all(c["watched"] == "" and c["example"] is None for c in without["cards"][:3])
    assert without["watch"] == without["limits"] == []
    week.watch()
    data = data_of(week.write().read_bytes())
    first, second = data["cards"][:2]
    assert (first["watched"], second["watched"]) == ("rat", "")
    picture = first["example"].pop("picture")
    assert first["example"] == {"species": "rat", "cosine": 0.75}
    assert base64.b64decode(data["pictures"][picture]) == jpeg((200, 0, 0))
    assert data["watch"] == [
        {"species": "rat", "examples": 3, "events": 2},
        {"species": "unnamed w46/e7", "examples": 1, "events": 1},
    ]
    assert data["limits"] == list(LIMITS)
    week.farthest = -1  # all examples are crops of that event itself
    cards = data_of(week.write().read_bytes())["cards"]
    assert cards[1]["example"] and cards[2]["example"] is None


def test_too_small_a_calibration_is_told_with_numbers():
    def said(target, limit, groups, daily=2.0):
        facts = {"calibration": {"groups": groups}, "native_events_per_camera_day": daily}
        return notes(True, True, facts, {"target": target, "limit": limit})

    (line,) = said("false_alarm_rate", 0.05, 18)  # (18 + 1) x 0.05 < 1 <= (19 + 1) x 0.05
    assert "never an alarm" in line and "has 18 groups" in line and "0.05 needs 19" in line
    assert said("false_alarm_rate", 0.05, 19) == []
    (line,) = said("false_alarms_per_camera_day", 0.2, 8)  # 0.2 of 2 a day are a rate of 0.1
    assert "has 8 groups" in line and "0.1 needs 9" in line
    assert said("false_alarms_per_camera_day", 0.2, 9) == []
    assert said("false_alarms_per_camera_day", 1, 0, daily=0.0) == []
    assert said("alarms_per_week", 20, 1) == []


# What the page does ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """The page of a week with hostile text wherever text comes from outside."""
    week = Week(tmp_path_factory.mktemp("week"))
    week.queue.loc[3, ["location", "predicted", "nearest", "species"]] = HOSTILE
    week.queue.loc[3, "event"] = week.labels.loc[6:7, "event"] = f"=e3{HOSTILE}"
    week.labels.loc[6, "datetime"] = HOSTILE
    week.suppressed["reason"] = HOSTILE
    week.watch()
    week.queue.loc[3, "watched"] = HOSTILE
    week.deployments = week.folder / "deployments.csv"
    week.deployments.write_text(
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd\n"
        f"east,34,-119,,\nwest,34.1,-119.2,,\n{HOSTILE},34.2,-119.1,,\n"
    )
    week.page = week.write(batch=HOSTILE, decimals=1)
    return week


@contextmanager
def opened(chromium, path, width=1400, height=900):
    """A tab with the page; fails the test if a script failed, or anything was asked for."""
    context = chromium.new_context(viewport={"width": width, "height": height})
    tab, wrong = context.new_page(), []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    schemes = ("file:", "data:", "blob:")
    context.on("request", lambda r: wrong.append(r.url) if not r.url.startswith(schemes) else None)
    tab.goto(path.as_uri())
    yield tab
    assert not wrong
    context.close()


@pytest.fixture
def tab(chromium, week):
    with opened(chromium, week.page) as tab:
        yield tab


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


def text(tab, name: str) -> str:
    return tab.locator(f"#{name}").inner_text()


def rank(tab) -> str:
    return tab.locator("#list [aria-current=true] .where").inner_text().split(".")[0]


def saved(tab, reviewer: str = "Ana") -> tuple[str, list[dict]]:
    """The file that Save gives, as text and as rows."""
    tab.fill("#reviewer", reviewer)
    with tab.expect_download() as download:
        tab.click("#save")
    content = download.value.path().read_bytes().decode()
    return content, list(csv.DictReader(content.splitlines()))


def give(tab, content: str, name: str = "decisions.csv") -> str:
    """Load a file, and return what the page says."""
    files = {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    tab.evaluate("document.getElementById('message').textContent = ''")
    tab.set_input_files("#file", files)
    tab.wait_for_selector("#message:not(:empty)")
    return text(tab, "message").removesuffix("×").strip()


def test_every_key_decides_and_moves_on_and_undo_goes_back(tab):
    assert rank(tab) == "1" and text(tab, "progress") == "0 of 7 decided"
    assert "10 November 2026, 08:10:30 (UTC−07:00)" in text(tab, "when")
    press(tab, "Enter", "1", "3", "j", "k", "ArrowDown", "ArrowUp")
    assert rank(tab) == "4"
    press(tab, "0", "2")
    tab.keyboard.type("  Feral  CAT ")
    press(tab, "Enter")
    press(tab, "4")
    assert text(tab, "place") == "east" and "34 times" in text(tab, "why")
    press(tab, "2")  # the group's second answer
    assert text(tab, "progress") == "7 of 7 decided" and "not saved yet" in text(tab, "saved")
    press(tab, "Backspace", "Control+z")
    assert rank(tab) == "6" and text(tab, "progress") == "5 of 7 decided"
    _, rows = saved(tab)
    assert [(row["event"][:2], row["decision"], row["species"]) for row in rows] == [
        ("e0", "native", "fox"),
        ("e1", "native", "mouse"),
        ("e2", "not_animal", ""),
        ("'=", "unsure", ""),
        ("e4", "novel", "feral cat"),
        ("e5", "person", ""),
        ("re", "suppress", ""),
        ("re", "undo", ""),
        ("e5", "undo", ""),
    ]
    assert [row["sampled"] for row in rows[:6:5]] == ["alarm", "below"]
    assert rows[0]["box"] == "64 48 320 240" and rows[0]["score"] == "5" and rows[0]["rank"] == "1"
    assert {row["reviewer"] for row in rows} == {"Ana"} and float(rows[0]["seconds_shown"]) >= 0
    assert all(re.search(r"T.*[+-]\d\d:\d\d$", row["decided_at"]) for row in rows)
    assert text(tab, "saved") == "All saved"


def test_a_mark_goes_with_the_decision_and_undo_takes_it_back(tab):
    pressed = tab.locator("[data-action=find_more]")
    press(tab, "m")  # not decided yet
    assert pressed.get_attribute("aria-pressed") == "true" and rank(tab) == "1"
    assert "it counts once you decide" in text(tab, "verdict")
    assert text(tab, "progress") == "0 of 7 decided"
    tab.click("#save")
    assert "There is nothing to save yet. 1 marked event not decided yet" in text(tab, "message")
    press(tab, "j", "0", "Backspace", "Backspace")  # the second's decision, then the first's mark
    assert rank(tab) == "1" and pressed.get_attribute("aria-pressed") == "false"
    press(tab, "m", "0", "0", "k", "m", "m", "m", "Backspace")  # the second's third mark
    assert rank(tab) == "2" and pressed.get_attribute("aria-pressed") == "false"
    press(tab, "j", "m", "1", "k")
    assert pressed.is_disabled()  # a native is not looked for
    press(tab, "m", "j", "j", "j", "j")
    assert text(tab, "place") == "east" and pressed.is_hidden()  # a group
    press(tab, "m")
    content, rows = saved(tab)
    assert content.splitlines()[0].endswith(",sampled,find_more")
    assert [(row["event"][:2], row["decision"], row["find_more"]) for row in rows] == [
        ("e1", "unsure", ""),
        ("e1", "undo", ""),
        ("e0", "unsure", "yes"),
        ("e1", "unsure", ""),
        ("e1", "unsure", "yes"),
        ("e1", "unsure", ""),
        ("e1", "unsure", "yes"),
        ("e1", "undo", ""),
        ("e2", "native", ""),
    ]


def test_marks_survive_a_reload_and_come_back_with_a_file(tab, chromium, week):
    press(tab, "m", "0", "m")
    tab.once("dialog", lambda dialog: dialog.accept())
    tab.reload()
    pressed = tab.locator("[data-action=find_more]")
    assert rank(tab) == "2" and pressed.get_attribute("aria-pressed") == "true"
    press(tab, "k")
    assert pressed.get_attribute("aria-pressed") == "true"
    press(tab, "j")
    press(tab, "0", "4")
    content, rows = saved(tab)
    assert [row["find_more"] for row in rows] == ["yes", "yes", ""]
    with opened(chromium, week.page) as other:
        assert 'its find_more is "maybe"' in give(other, content.replace(",yes\r", ",maybe\r"))
        assert "3 new rows of 3" in give(other, content)
        other.fill("#reviewer", "Ana")
        press(other, "Escape", "k")
        assert other.locator("[data-action=find_more]").get_attribute("aria-pressed") == "true"
        assert other.locator("#list .what", has_text="find more").count() == 2
        assert saved(other)[0] == content
        older = re.sub(r",[^,]*\r\n", "\r\n", content)  # without the column
        assert "2 new rows of 3" in give(other, older)


def test_the_watched_species_and_the_limits_are_on_the_page(chromium, tmp_path):
    week = Week(tmp_path)
    with opened(chromium, week.write()) as tab:
        assert tab.locator("#natives .example, #card .watched").count() == 0
        assert tab.get_by_text("What the watch list can and cannot do").count() == 0
    week.watch()
    week.groups = 10
    with opened(chromium, week.write()) as tab:
        assert "watched: rat" in text(tab, "chips")
        assert tab.locator("#why strong").inner_text() == "rat"
        assert text(tab, "why").startswith("Like rat (3 examples), p = 0.02")
        assert "like rat" in tab.locator("#list .what").first.inner_text()
        assert tab.locator("#natives .example").inner_text().split() == ["rat", "0.75", "example"]
        assert tab.locator("#natives button").count() == 3
        tab.click("#queue summary:has-text('watch list')")
        told = tab.locator("#queue .more").inner_text()
        assert "rat: 3 examples of 2 events." in told and LIMITS[-1] in told
        assert "has 10 groups" in told
        press(tab, "j")
        assert tab.locator("#card .watched, #why strong").count() == 0


def test_a_person_is_hidden_at_once_and_undo_shows_the_event(tab):
    press(tab, "4", "k")
    assert not tab.locator("#crop").get_attribute("src")
    assert not tab.locator("#photo").get_attribute("src")
    assert not tab.locator("#list [aria-current] .thumb").get_attribute("src")
    press(tab, "Backspace")
    assert tab.locator("#crop").get_attribute("src").startswith("data:image/jpeg")


def test_filters_leave_what_passes(tab):
    def ranks():
        names = tab.locator("#list li:visible .where").all_inner_texts()
        return [name.split(".")[0] for name in names]

    tab.select_option("[data-filter=light]", "infrared")
    assert ranks() == ["3", "6", "east"] and rank(tab) == "3"
    tab.select_option("[data-filter=location]", "east")
    assert ranks() == ["6", "east"]
    tab.select_option("[data-filter=light]", "")
    tab.select_option("[data-filter=guess]", "mouse")
    assert ranks() == ["2"]
    tab.select_option("[data-filter=guess]", "")
    tab.select_option("[data-filter=location]", "")
    tab.check("[data-filter=undecided]")
    press(tab, "1")  # decides on the second, which leaves the list
    assert rank(tab) == "3" and ranks() == ["1", "3", "4", "5", "6", "east"]
    tab.select_option("[data-filter=why]", "Alarm")
    assert ranks() == ["1"] == [rank(tab)]
    press(tab, "1")
    tab.uncheck("[data-filter=undecided]")
    tab.select_option("[data-filter=why]", "Random sample from below the budget")
    assert ranks() == ["6"] == [rank(tab)]
    tab.select_option("[data-filter=location]", "east")
    tab.select_option("[data-filter=light]", "daylight")
    assert ranks() == [] and tab.locator("#nothing").is_visible()


def test_view_keys(tab):
    caption = text(tab, "caption")
    press(tab, " ")
    assert caption.startswith("1 of 2") and text(tab, "caption").startswith("2 of 2")
    press(tab, " ", "h")
    assert tab.locator("#heat").is_visible() and tab.locator("#box").is_visible()
    press(tab, "h", "b")
    assert not tab.locator("#heat").is_visible() and not tab.locator("#box").is_visible()
    press(tab, "+", "+", "-")
    assert text(tab, "light") == "× 1.3"
    press(tab, "?")
    assert tab.locator("#help").is_visible()
    press(tab, "1", "Escape")
    assert text(tab, "progress").startswith("0") and not tab.locator("#help").is_visible()
    tab.focus("#note")
    press(tab, "1", "j", "Backspace", "u")
    assert rank(tab) == "1" and tab.locator("#note").input_value() == "1u"


def test_the_heat_lies_on_the_animal(tab):
    """Of the map's two columns the right one is strange; the padding above is cut off."""
    press(tab, "h")
    heat = tab.locator("#heat")
    alpha = "(canvas, x) => canvas.getContext('2d').getImageData(x, 45, 1, 1).data[3]"
    assert heat.evaluate("canvas => [canvas.width, canvas.height]") == [120, 90]
    assert heat.evaluate(alpha, 10) == 0 and heat.evaluate(alpha, 110) > 100


def test_decisions_survive_a_reload_and_a_file_joins_another_reviewers(tab):
    tab.fill("#note", "by the ear")
    press(tab, "Escape", "1")
    tab.once("dialog", lambda dialog: dialog.accept())  # the warning on leaving
    tab.reload()
    assert text(tab, "progress") == "1 of 7 decided" and "1 decision not" in text(tab, "saved")
    content, (row,) = saved(tab)
    assert row["note"] == "by the ear"
    tab.fill("#reviewer", "Ben")
    tab.focus("#place")
    press(tab, "k", "3")
    assert "1 decision not saved" in text(tab, "saved")
    assert "0 new rows of 1" in give(tab, content)
    assert "reviewers differ" in tab.locator("#list li").first.inner_text()
    alike = json.dumps({"decisions": [row | {"reviewer": "Cem", "event": "e1", "schema": 1}]})
    assert "1 new row of 1" in give(tab, alike, "decisions.json")
    assert text(tab, "progress") == "2 of 7 decided"


def test_files_that_do_not_fit_are_refused_in_one_line_and_nothing_changes(tab, week):
    press(tab, "1", "j", "j", "3")
    content, _ = saved(tab)
    sha = hashlib.sha256((week.folder / "queue.csv").read_bytes()).hexdigest()
    refusals = {
        content.replace(sha, "f" * 64): "ffffffffffff",
        content[:-30]: "cut short",
        content.replace("not_animal", "maybe"): 'row 2: "maybe" is no decision',
        content.replace(",e0,", ",e00,"): 'row 1: this queue has no event "e00"',
        re.sub(r"\d{4}-\d\d-\d\dT[^,]*", "3/4/26 10:12", content): 'decided_at is "3/4/26 10:12"',
        content.replace(",", ";"): "no column schema; a file of decisions has commas",
        '[{"schema": 1,': "cut short",
        "": "empty",
    }
    for broken, why in refusals.items():
        said = give(tab, broken)
        assert why in said and said.startswith("decisions.csv is refused: ") and "\n" not in said
        assert text(tab, "progress") == "2 of 7 decided"
    assert "0 new rows of 2" in give(tab, content)  # with an apostrophe before =e3


def test_hostile_text_stays_text(tab):
    press(tab, "j", "j", "j")
    assert text(tab, "place") == HOSTILE and HOSTILE in text(tab, "chips")
    assert HOSTILE in text(tab, "title") and HOSTILE in text(tab, "accept")
    press(tab, "Enter")
    tab.fill("#reviewer", HOSTILE)
    tab.focus("#place")
    tab.click("#map > summary")
    press(tab, "k", "j", "2")
    tab.keyboard.type(HOSTILE)
    press(tab, "Enter")
    assert tab.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert tab.evaluate("typeof hacked") == "undefined"


def test_a_browser_that_keeps_nothing_says_so(chromium, week):
    context = chromium.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
    )
    tab = context.new_page()
    tab.goto(week.page.as_uri())
    press(tab, "1")
    assert "1 decision not saved yet, and this browser keeps none" in text(tab, "saved")
    context.close()


def test_a_name_is_asked_for_before_saving_and_natives_are_not_novel(tab):
    press(tab, "2")
    tab.keyboard.type("ra")
    assert tab.locator("#watched button:visible").all_inner_texts() == ["rat"]
    tab.fill("#name", " Fox")
    press(tab, "Enter")
    assert "fox is on the list of natives" in text(tab, "naming-note")
    press(tab, "Escape", "0")
    tab.click("#save")
    assert "Enter your name" in text(tab, "message")


def test_the_next_run_reads_what_the_page_saved(chromium, tmp_path):
    folder = tmp_path / "2026-w47"
    folder.mkdir()
    week = Week(folder)
    week.queue.loc[1, "event"] = week.labels.loc[2:3, "event"] = "=e1"
    with opened(chromium, week.write()) as tab:
        press(tab, "1", "2")
        tab.keyboard.type("rat")
        press(tab, "Enter", "Backspace", "0", "ArrowUp")
        tab.fill("#note", '+ "dark", wet')
        press(tab, "Enter", "j", "j", "j", "j", "j", "2")
        content, _ = saved(tab)
    file = tmp_path / "decisions.csv"
    file.write_bytes(content.encode())
    rows, counts = read_files([file], Queues(tmp_path), None)
    assert [(row["event"], row["decision"], row["species"], row["note"]) for row in rows] == [
        ("e0", "native", "fox", ""),
        ("=e1", "novel", "rat", ""),
        ("=e1", "undo", "", ""),
        ("=e1", "unsure", "", ""),
        ("=e1", "unsure", "", '+ "dark", wet'),
        ("repeat:east:1", "suppress", "", ""),
    ]
    assert counts["rows"] == 6


def test_a_week_without_an_animal_has_a_page_that_says_so(chromium, tmp_path):
    week = Week(tmp_path)
    for name in ("queue", "labels", "suppressed"):
        setattr(week, name, getattr(week, name).head(0))
    with opened(chromium, week.write()) as tab:
        assert "There is nothing to review." in text(tab, "nothing")
        press(tab, "1", "j", "Backspace", "2", "Enter", " ", "h")
        assert text(tab, "progress") == "0 of 0 decided"


def test_the_map_filters_by_location(tab):
    tab.click("#map > summary")
    assert tab.locator("#map circle").count() == 3
    tab.locator("#map [role=button]").first.focus()
    press(tab, "Enter")
    assert tab.locator("[data-filter=location]").input_value() == "east"
    assert "Coordinates are rounded to 1 decimal." in text(tab, "map")


@pytest.mark.slow
@pytest.mark.parametrize("width, height", [(1400, 900), (1100, 800), (390, 844)])
def test_the_page_fits_and_axe_finds_nothing_serious(chromium, week, width, height):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(chromium, week.page, width, height) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        sizes = tab.evaluate(
            "[...document.querySelectorAll('button')].filter(b => b.offsetParent)"
            ".map(b => [b.innerText, b.offsetWidth, b.offsetHeight])"
        )
        assert [size for size in sizes if min(size[1:]) < 44] == []
        actions = tab.evaluate("Object.values(KEYS)")
        shown = tab.locator("[data-action]").evaluate_all("all => all.map(b => b.dataset.action)")
        assert set(actions) <= set(shown)
        press(tab, "m")
        assert tab.locator(".decide").bounding_box()["height"] < height / 3
        for summary in tab.locator(".more summary:visible").all():
            summary.click()
        tab.evaluate("document.activeElement.blur()")
        press(tab, "0", "k", "h", *("?" if width == 390 else ""))
        found = axe.run(tab).response["violations"]
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
