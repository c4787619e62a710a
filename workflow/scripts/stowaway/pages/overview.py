"""The first page of the report, for somebody who decides: a block of HTML in a reStructuredText.

Snakemake runs Jinja and docutils over it and sets the result into its page, so that labels are
escaped for all three (`text`). docutils refuses lines of over 10,000 characters.
"""

from base64 import b64encode
from html import escape
from textwrap import wrap

import pandas as pd

from stowaway.core.names import UNNAMED
from stowaway.evaluation.folds import NOVELTY, SHORTCUTS, WATCH_LIST

PICTURES = 8
SPECIES = 12  # that are named one by one
LONGEST = 300  # characters of a value from outside

TARGETS = {  # what was asked for, and the form and unit of what came of it
    "false_alarm_rate": ("at most {:.0%} false alarms", "{:.0%}", "of {} native events"),
    "false_alarms_per_camera_day": (
        "at most {:g} false alarms a camera-day",
        "{:.2g}",
        "a camera-day, of {} native events",
    ),
    "alarms_per_week": ("{:g} alarms a week", "{:.2g}", "alarms a week"),
}

# Snakemake centres this page in the window, which cuts its head off, beside the graph of rules.
STYLE = """
.h-screen:has(.stowaway) { align-items: flex-start }
.items-start:has(.stowaway) { flex-direction: column }
.prose:has(.stowaway) { max-width: 66rem }
.stowaway h1 { font-size: 1.7rem; margin: 0 0 .3rem }
.stowaway h2 { font-size: 1.15rem; margin: 1.1rem 0 .3rem }
.stowaway p, .stowaway li { margin: .2rem 0 }
.stowaway .warning { background: #FFF4D6; border-left: 4px solid #D98E00; padding: .4rem .8rem }
.stowaway .tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: .7rem 0 }
.stowaway .tiles div { background: #F1F4F3; border-radius: .4rem; padding: .35rem .9rem }
.stowaway .tiles b { display: block; font-size: 1.35rem; line-height: 1.6rem }
.stowaway .pictures { display: grid; gap: .7rem; margin: .4rem 0;
  grid-template-columns: repeat(auto-fill, minmax(7.4rem, 1fr)) }
.stowaway figure { margin: 0 }
.stowaway img { width: 100%; height: 6.4rem; margin: 0; object-fit: contain; background: #E6E8E7 }
.stowaway figcaption { font-size: .78rem; line-height: 1.05rem; margin: .2rem 0 0; color: #333 }
.stowaway .alarm { background: #B54708; color: #FFF; border-radius: .2rem; padding: 0 .3rem }
.stowaway code::before, .stowaway code::after { content: none }
.stowaway .columns { display: grid; gap: 0 2rem;
  grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)) }
.stowaway th { text-align: left; width: 9rem; vertical-align: top }
"""

FAILURES = (
    "A native that nothing was trained on, such as a young one or a rare species, alarms too.",
    "A newcomer that looks like a native can score low. No alarm is no proof that none is there.",
    "Dark, blurred and small crops score by their quality. The shortcut baselines measure that.",
    "A new camera, season or background can raise all scores of a location.",
    "An animal that the detector of boxes missed has no crop and no score.",
)


def text(value: object) -> str:
    """A value from outside as it stands in the page: one line, no tag, nothing that Jinja takes."""
    line = " ".join(str(value).split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return escape(line).replace("{", "&#123;").replace("}", "&#125;")


def as_rst(pieces: list[str]) -> str:
    """Pieces of HTML as a block of reStructuredText that docutils passes through."""
    lines = "\n".join(pieces).splitlines()
    return "\n".join([".. raw:: html", "", *(f"   {line}" for line in lines), ""])


def page(pieces: list[str]) -> list[str]:
    """The pieces in the page's style."""
    return [f'<style>{" ".join(STYLE.split())}</style><div class="stowaway">', *pieces, "</div>"]


def section(heading: str, pieces: list[str]) -> list[str]:
    """The pieces under a heading."""
    return [f"<h2>{heading}</h2>", *pieces]


def beside(*columns: list[str]) -> list[str]:
    """Columns of pieces, where the window has room for them."""
    inside = [piece for column in columns for piece in ("<div>", *column, "</div>")]
    return ['<div class="columns">', *inside, "</div>"]


def counted(n: float, noun: str) -> str:
    """A number with its noun, as in '1 event' and '2 events'."""
    return f"{n:,.0f} {noun}" + ("" if n == 1 else "s")


def head(site: str, queue: pd.DataFrame, synthetic: bool) -> list[str]:
    """The question, and the answer in a sentence."""
    alarms = queue["alarm"].eq("yes").sum()
    pieces = [f"<h1>{text(site)}: which animals do not belong here?</h1>"]
    pieces += [
        f"<p><b>{alarms:,} of {counted(len(queue), 'event')} raised an alarm.</b> An event is one "
        "visit of an animal. Its score says how little it looks like the native species that the "
        "detector learned from. People decide what it is, on the page <code>queue.html</code>.</p>"
    ]
    warning = "A program drew every photo. The page shows that the workflow works. It says nothing"
    return pieces + [f'<p class="warning">{warning} about real animals.</p>'] * synthetic


def data(labels: pd.DataFrame, days: pd.DataFrame, species: dict[str, list[str]]) -> list[str]:
    """How much was watched, and the crops and events of each species of the lists."""
    dates = sorted(days["date"])
    tiles = {
        "photos with a time": days["images"].sum(),
        "animals cut out (crops)": len(labels),
        "events (visits)": labels["event"].nunique(),
        "locations": days["location"].nunique(),
        "camera-days": len(days),
        "weeks with photos": len({pd.Timestamp(date).isocalendar()[:2] for date in dates}),
    }
    boxes = "".join(f"<div><b>{n:,}</b>{what}</div>" for what, n in tiles.items())
    pieces = [f'<div class="tiles">{boxes}</div>']
    if dates:
        pieces.append(f"<p>The photos are of {text(dates[0])} to {text(dates[-1])}.</p>")
    events = labels.groupby("species_label")["event"].nunique().sort_values(ascending=False)
    for name, listed in species.items():
        of_list = events[events.index.isin(listed)]
        names = [f"{text(label)} ({n:,})" for label, n in of_list.head(SPECIES).items()]
        names += [f"{len(of_list) - SPECIES} more"] * (len(of_list) > SPECIES)
        if names:
            pieces += [f"<p>{name}, with their events:", ",\n".join(names), "</p>"]
    return pieces


def found(queue: pd.DataFrame, pictures: dict[str, bytes]) -> list[str]:
    """The head of the queue as pictures; `pictures` are JPEGs by event."""
    shown = queue[queue["sampled"] != ""]
    if shown.empty:
        return ["<p>The queue is empty.</p>"]
    figures = []
    for row in shown.head(PICTURES).itertuples():
        image = ""
        if row.event in pictures:
            source = "\n".join(wrap(b64encode(pictures[row.event]).decode(), 5000))
            image = f'<img src="data:image/jpeg;base64,{source}" alt="crop {row.rank}">'
        words = [f"p = {row.p_value:.2g}", row.location, row.datetime[:16].replace("T", " ")]
        words += [f"labelled {row.species}"] * (row.species not in ("", UNNAMED))
        badge = '<span class="alarm">alarm</span> ' * (row.alarm == "yes")
        described = "<br>".join(map(text, words))
        figures.append(f"<figure>{image}<figcaption>{badge}{described}</figcaption></figure>")
    return [
        '<div class="pictures">',
        *figures,
        "</div>",
        "<p><i>p</i> is the share of known native events that look as strange or stranger. "
        "The smaller it is, the stranger is the event.</p>",
    ]


def how_sure(
    alarms: pd.DataFrame | None,
    metrics: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    examples: pd.DataFrame | None,
    performance: pd.DataFrame | None,
) -> list[str]:
    """Sentences: what examples are worth, the rate asked for and realised, what was found.

    `alarms`, `metrics`, `comparison` and `examples` are tables of a run with an evaluation,
    `performance` that of decisions, with a row for all weeks and locations.
    """
    sentences = [] if examples is None else with_examples(examples)
    for row in [] if alarms is None else alarms[alarms["asked"] == "yes"].itertuples():
        asked, form, unit = TARGETS[row.target]
        realised = with_interval(form, row.realised, row.low, row.high)
        recall = with_interval("{:.0%}", row.recall, row.recall_low, row.recall_high)
        sentences.append(f"Asked for: {asked.format(row.setting)}.")
        sentences.append(
            f"Realised: <b>{realised}</b> {unit.format(f'{row.native:.0f}')}, which nothing was "
            "fitted on."
        )
        if row.low > row.setting:
            sentences.append("There are surely more false alarms than were asked for.")
        elif row.high >= row.setting:
            sentences.append("That agrees with what was asked for, as far as so few events tell.")
        if row.novel:
            sentences.append(
                f"Found: <b>{recall}</b> of {counted(row.novel, 'event')} of species that were "
                "held out as newcomers."
            )
        if row.too_few:
            sentences.append(
                f"The {row.calibration:.0f} calibration groups are too few for this rate: there "
                "is never an alarm."
            )
        sentences += [] if metrics is None else ordering(metrics, comparison, row.detector)
    if performance is not None:
        whole = performance[(performance["week"] == "all") & (performance["location"] == "all")]
        for row in whole.itertuples():
            realised = with_interval("{:.0%}", row.realised, row.low, row.high)
            recall = with_interval("{:.0%}", row.recall, row.recall_low, row.recall_high)
            sentences.append(
                f"People judged {counted(row.alarms, 'alarm')} and confirmed {row.confirmed:.0f}. "
                f"False alarms in use: <b>{realised}</b> of native events."
            )
            sentences.append(
                f"Recall in use, from the random sample below the threshold: <b>{recall}</b>."
            )
    if not sentences:
        sentences = [
            "Nothing measures this run yet. The decisions of people will: they say how many alarms "
            "are false, and the random sample below the threshold says what was missed."
        ]
    return [f"<p>{sentence}</p>" for sentence in sentences] + [
        "<p>Brackets are 95 % intervals: the true value may well be anywhere in them.</p>"
    ] * any("[" in sentence for sentence in sentences)


def with_examples(examples: pd.DataFrame) -> list[str]:
    """How well a watch list orders events, given one and three; novelty and shortcuts beside it."""
    rows = examples[examples["metric"] == "auroc"].dropna(subset="value")
    values = rows.set_index(["detector", "examples"])[["value", "low", "high"]].mul(100)
    names = [WATCH_LIST, NOVELTY, SHORTCUTS]
    sentences = []
    for number in (1, 3):
        if not all((name, number) in values.index for name in names):
            continue
        lead, novelty, shortcuts = (values.loc[(name, number)] for name in names)
        sentences.append(
            f"Given {counted(number, 'event')} of a newcomer as an example, its events at other "
            f"locations are in front in <b>{with_interval('{:.0f}', *lead)}</b> of 100 pairs with "
            f"a native event; by novelty alone in {novelty['value']:.0f}, by shortcuts with the "
            f"same examples in {shortcuts['value']:.0f}."
        )
    return sentences


def ordering(metrics: pd.DataFrame, comparison: pd.DataFrame, detector: str) -> list[str]:
    """How well the score orders novel before native events, and its gain over a shortcut."""
    rows = metrics.query("level == 'event' and stratum == 'all' and metric == 'auroc'")
    rows = rows[rows["fold"] == "listed"].set_index("detector").dropna(subset="value")
    if detector not in rows.index:
        return []
    interval = with_interval("{:.0f}", *(100 * rows.loc[detector, ["value", "low", "high"]]))
    sentences = [
        f"Without an example, of 100 pairs of a newcomer's event and a native one, <b>{interval}"
        "</b> have the newcomer in front. A coin has 50."
    ]
    gains = comparison.query("level == 'event' and metric == 'auroc' and fold == 'listed'")
    gains = gains[(gains["detector"] == detector) & gains["rival"].isin(rows.index)]
    for gain in gains[gains["rival"].str.startswith("shortcut_")].itertuples():
        name = text(gain.rival.removeprefix("shortcut_").replace("_", " "))
        sentences.append(
            f"The best shortcut, which looks at the photo and not at the animal ({name}), has "
            f"{100 * rows.loc[gain.rival, 'value']:.0f}."
        )
        if not gain.low > 0:
            sentences.append("<b>The detector is not surely better than that.</b>")
    return sentences


def what_next(queue: pd.DataFrame, alarms: pd.DataFrame | None, decided: bool) -> list[str]:
    """What somebody does with this page."""
    shown = queue["sampled"].ne("").sum()
    if not shown:
        return ["<p>Nothing is to be decided: no event is on the page.</p>"]
    steps = [
        f"Open <code>queue.html</code> and decide on its {counted(shown, 'event')}, the "
        f"{counted(queue['alarm'].eq('yes').sum(), 'alarm')} first.",
        "Save the decisions, and name the file under <code>decisions:</code> in the config of the "
        "site.",
        "Run the workflow again. It learns from what was confirmed"
        + (" and measures itself by it." if decided else ", and its false alarms are measured."),
        "Act on a find by what you see in the photo. A score alone is no proof.",
    ]
    for row in [] if alarms is None else alarms[alarms["asked"] == "yes"].itertuples():
        if row.too_few or row.low > row.setting:
            steps.insert(2, "Add labelled photos of natives: more of them set a better threshold.")
    return ["<ol>", *(f"<li>{step}</li>" for step in steps), "</ol>"]


def with_interval(form: str, value: float, low: float, high: float) -> str:
    """The value and its interval; a NaN is left out."""
    interval = f" [{form.format(low)}, {form.format(high)}]" if pd.notna(low) else ""
    return form.format(value) + interval if pd.notna(value) else "none"


def about(facts: dict, backbone: dict) -> dict[str, str]:
    """Lines of the model card from the facts of `models.json` and the config's backbone."""
    natives = [f"{name} ({of['events']:,})" for name, of in facts["natives"].items()]
    of = {"trained_on": "not stated", "licence": "not stated"} | facts["backbone"]
    whose = "Its weights are the user's and" if backbone["weights"] else "Its weights"
    seen = f"{whose} have seen: {of['trained_on']}. Their licence: {of['licence']}."
    if backbone["name"].startswith("efficientnet_lite") and not backbone["weights"]:
        seen = (
            "Its published weights (Apache-2.0) were trained on ImageNet-1k, some 1.3 million "
            "photos from the web. Foxes, skunks, cats and pigs are among the 1,000 classes; rats "
            "are not."
        )
    checksum = str(of.get("weights_sha256", "none"))[:12]
    precision = of.get("precision", "unknown")
    libraries = facts.get("libraries", {})
    calibration = facts["calibration"]
    return {
        "Models": f"of the run {facts['run']}, made {facts['made']} by stowaway "
        f"{facts['stowaway']}",
        "Natives": f"{', '.join(natives)}; in brackets, their events in all roles",
        "Calibration": f"{counted(calibration['events'], 'native event')} in "
        f"{counted(calibration['groups'], 'group')}, which set the threshold",
        "Backbone": f"{backbone['name']}. {seen} It is not trained further.",
        "Weights": f"checksum {checksum}…, computed in {precision}",
        "Packages": ", ".join(f"{name} {version}" for name, version in libraries.items()),
    }


def card(rows: dict[str, str]) -> list[str]:
    """The model card: a table of names and lines, and the known failures."""
    cells = [f"<tr><th>{text(name)}</th><td>{text(line)}</td></tr>" for name, line in rows.items()]
    failures = "".join(f"<li>{failure}</li>" for failure in FAILURES)
    return ["<table>", *cells, "</table>", f"<p><b>Known failures</b></p><ul>{failures}</ul>"]
