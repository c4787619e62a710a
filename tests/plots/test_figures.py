"""Figures of full, small and odd tables: nothing novel, one crop, names that look like markup."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image
from snakemake.iocontainers import Namedlist

from conftest import ROOT
from plot_accuracy import plot_accuracy
from plot_alarm_cost import plot_alarm_cost
from plot_alarm_rates import plot_alarm_rates
from plot_comparison import plot_comparison
from plot_eda import plot_eda
from plot_examples import plot_examples
from plot_learning_curve import plot_learning_curve
from plot_loss import plot_loss
from plot_queue import outcome, plot_queue
from plot_reconstructions import plot_reconstructions
from plot_roc import plot_roc
from plot_scores import plot_scores
from plot_species_accuracy import plot_species_accuracy
from plot_species_recall import plot_species_recall
from plot_tsne import plot_tsne
from plot_tsne_labels import plot_tsne_labels
from stowaway.plots import style
from stowaway.plots.detector_lines import MOST_LINES, detector_styles, lead_of, lines_of
from stowaway.plots.style import plt, run_plot, save
from stowaway.review.pictures import as_jpeg

STYLE = str(ROOT / "workflow/stowaway.mplstyle")
ODD = "<b>$x_1$</b> & müß"
NINE = {f"d{n}": "natives" for n in range(7)} | {"seen_1": "all", "seen_2": "all"}
COUNTS = {"native": 30, "novel": 12, "novel_species": 4, "runs": 1}


@pytest.fixture
def draw(tmp_path):
    """A function that draws and saves as the scripts do, and tests that the files are good."""

    def draw(plot, **arguments):
        plt.style.use(STYLE)
        figure, svg, png = plot(**arguments), tmp_path / "f.svg", tmp_path / "f.png"
        save(figure, str(svg), str(png), ODD)
        with Image.open(png) as image:
            assert 400 < image.width < 3_000 and image.height < 6_000
        assert not covered_by_legends(figure)
        assert "<b>" not in svg.read_text()
        return figure

    return draw


def covered_by_legends(figure) -> list[str]:
    """The texts that a legend of a figure lies over, on it or beside it."""
    figure.draw_without_rendering()
    legends = figure.findobj(Legend)
    own = {text for legend in legends for text in legend.findobj(Text)}
    texts = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible() and t not in own]
    boxes = [legend.get_window_extent() for legend in legends]
    return [t.get_text() for t in texts if any(t.get_window_extent().overlaps(b) for b in boxes)]


def metrics_of(detectors: dict[str, str], folds=("listed",)) -> pd.DataFrame:
    """AUROC and the recall of an odd species, falling in the detectors' order; one shortcut."""
    rows = []
    for fold in folds:
        for place, name in enumerate([*detectors, "shortcut_area"]):
            seen = detectors.get(name) == "all"
            if seen and fold != "listed":
                continue
            row = {"fold": "seen_in_training" if seen else fold, "detector": name} | COUNTS
            value = {"value": 0.9 - 0.02 * place, "low": 0.3, "high": 0.95}
            for level in ("crop", "event"):
                row |= {"level": level}
                rows.append(row | value | {"stratum": "all", "metric": "auroc"})
                species = {"stratum": f"species={ODD}", "metric": "recall_at_5_fpr"}
                rows.append(row | value | species)
                kept = {"metric": "recall_at_5_promised", "value": 0.2, "ceiling": 0.45}
                rows.append(row | value | species | kept)
    return pd.DataFrame(rows)


def curves_of(metrics: pd.DataFrame, dated: bool = True) -> pd.DataFrame:
    """Straight curves of every detector and level."""
    rates = np.linspace(0, 1, 11)
    keys = metrics[["fold", "detector", "level"]].drop_duplicates()
    points = pd.DataFrame({"false_alarm_rate": rates, "recall": rates})
    points["false_alarms_per_camera_day"] = 2 * rates if dated else np.nan
    return keys.merge(points, how="cross")


def alarms_of(folds=("listed",), too_few: bool = False) -> pd.DataFrame:
    """Alarms of d0 at two rates, at one of them by location, and as the config asks."""
    rows = []
    row = {"detector": "d0", "target": "false_alarm_rate", "realised": 0.06, "low": 0.01}
    row |= {"high": 0.2, "recall": 0.5, "recall_low": 0.3, "recall_high": 0.7, "too_few": too_few}
    row |= COUNTS | {"asked": "no", "location": "all"}
    for fold in folds:
        rows += [row | {"fold": fold, "setting": setting} for setting in (0.05, 0.1)]
        rows.append(row | {"fold": fold, "setting": 0.05, "location": ODD})
        rows.append(row | {"fold": fold, "setting": 0.1, "asked": "yes"})
    return pd.DataFrame(rows)


def lines_drawn(axes) -> dict[str, tuple]:
    """Colour and dashes of each labelled line of a panel."""
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    return {
        line.get_label().split(":")[0]: (line.get_color(), str(line._unscaled_dash_pattern))
        for line in lines
    }


def test_nine_detectors_have_nine_colours_and_line_styles(draw):
    metrics = metrics_of(NINE)
    figure = draw(
        plot_roc, curves=curves_of(metrics), metrics=metrics, detectors=NINE, level="crop"
    )
    lines = lines_drawn(figure.axes[0])
    assert len(lines) == 9 + 2  # and the best shortcut, and chance
    assert len(set(lines.values())) == len(lines)


def test_a_detector_has_the_same_colour_and_line_on_every_figure(draw):
    metrics, styles = metrics_of(NINE), detector_styles(NINE)
    tables = {"curves": curves_of(metrics), "metrics": metrics, "detectors": NINE}
    roc = lines_drawn(draw(plot_roc, **tables, level="event").axes[0])
    cost = lines_drawn(draw(plot_alarm_cost, **tables).axes[0])
    shared = [name.replace("_", " ") for name in NINE]
    assert {name: roc[name] for name in shared} == {name: cost[name] for name in shared}
    comparison = draw(plot_comparison, metrics=metrics, detectors=NINE).axes[0]
    colours = [line.get_color() for line in comparison.get_lines()]
    assert {style["color"] for style in styles.values()} <= set(colours)


def test_styles_differ_for_two_dozen_detectors_and_only_visualization_is_dotted():
    many = {f"d{n}": "natives" for n in range(20)} | {f"v{n}": "all" for n in range(4)}
    styles = detector_styles(many)
    assert len({str(style) for style in styles.values()}) == len(many)
    dotted = {name for name, style in styles.items() if style["ls"] == ":"}
    assert dotted == {"v0", "v1", "v2", "v3"}


def test_a_crowded_figure_shows_the_best_and_the_originals_in_the_order_of_the_config():
    many = {f"d{n}": "natives" for n in range(14)} | {"cae": "natives"}
    lines = list(lines_of(metrics_of(many), many))
    assert lines == [*(f"d{n}" for n in range(MOST_LINES - 2)), "cae", "shortcut_area"]


def test_the_detector_that_leads_is_the_best_where_the_folds_leave_it_out():
    metrics = metrics_of(NINE)
    assert lead_of(metrics, "d3") == "d3"
    assert lead_of(metrics, "elsewhere") == "d0"


@pytest.mark.parametrize("species", [1, 4])
def test_the_comparison_says_whether_its_intervals_are_over_novel_species(draw, species):
    metrics = metrics_of({"d0": "natives"}).assign(novel_species=species)
    axes = draw(plot_comparison, metrics=metrics, detectors={"d0": "natives"}).axes[0]
    over = "novel species and events" if species > 1 else "events"
    assert axes.get_xlabel() == f"AUROC, with 95 % interval over {over}"


def test_a_promised_recall_stands_beside_the_plain_one_with_its_ceiling(draw):
    axes = draw(plot_species_recall, metrics=metrics_of({"d0": "natives"}), lead="d0").axes[0]
    drawn = [tuple(float(x) for x in line.get_xdata()) for line in axes.get_lines()]
    assert {(0.9,), (0.2,), (0.45, 0.45)} <= set(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("folds", [("leave_out", "listed"), ("listed",), ()])
@pytest.mark.parametrize("dated", [True, False])
def test_figures_of_the_evaluation_with_much_and_with_little(draw, folds, dated):
    metrics = metrics_of(NINE if dated else {"d0": "natives"}, folds or ("listed",))
    curves, alarms = curves_of(metrics, dated), alarms_of(folds or ("listed",), not dated)
    if not folds:
        metrics, curves, alarms = metrics[:0], curves[:0], alarms[:0]
    tables = {"metrics": metrics, "detectors": NINE}
    for level in ("crop", "event"):
        draw(plot_roc, curves=curves, **tables, level=level)
    draw(plot_comparison, **tables)
    draw(plot_alarm_cost, curves=curves, **tables)
    draw(plot_species_recall, metrics=metrics, lead="d0")
    draw(plot_alarm_rates, alarms=alarms, metrics=metrics, lead="d0")


def pooled_of(by: str, at: list[float], detectors: list[str], value: float) -> pd.DataFrame:
    """Metrics as `pool_events` has them, all of one value."""
    keys = pd.MultiIndex.from_product([detectors, at, ["auroc", "recall_at_5_fpr"]])
    table = keys.to_frame(index=False).set_axis(["detector", by, "metric"], axis=1)
    return table.assign(value=value, low=value - 0.1, high=value + 0.1, novel_events=3.25)


def test_the_figure_of_examples_names_the_other_run_and_the_events_left(draw):
    names = ["watch list", "novelty", "shortcuts", "watch list, examples from east_island"]
    metrics = pooled_of("examples", [0, 1, 3], names, 0.7)
    metrics.loc[(metrics["detector"] == "shortcuts") & (metrics["examples"] == 0), "value"] = np.nan
    figure = draw(plot_examples, metrics=metrics)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["watch list: novelty and examples"].get_xdata()) == [0, 1, 3]
    assert list(lines["shortcuts with the same examples"].get_xdata()) == [1, 3]
    assert "watch list, examples from east_island" in lines
    ticks = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert ticks == ["0\n(3.2)", "1\n(3.2)", "3\n(3.2)"]


def test_figures_of_examples_and_natives_without_a_value(draw):
    draw(plot_examples, metrics=pooled_of("examples", [0, 1], ["watch list"], np.nan))
    natives = pooled_of("share", [0.5, 1], ["fusion"], np.nan).assign(fitted_events=4.0)
    draw(plot_learning_curve, learning_curve=natives, detectors={"fusion": "natives"})
    empty = natives[:0]
    draw(plot_learning_curve, learning_curve=empty, detectors={"fusion": "natives"})


def test_the_learning_curve_has_the_detectors_colours_over_the_events_fitted_on(draw):
    table = pooled_of("share", [0.5, 1], ["mahalanobis", "fusion"], 0.7)
    table = table.assign(fitted_events=40 * table["share"])
    detectors = {"knn": "natives", "fusion": "natives"}  # the config has no mahalanobis
    figure = draw(plot_learning_curve, learning_curve=table, detectors=detectors)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["fusion"].get_xdata()) == [20, 40]
    assert lines["fusion"].get_color() == detector_styles(detectors)["fusion"]["color"]
    assert lines["mahalanobis"].get_color() != lines["fusion"].get_color()


@pytest.mark.parametrize("score", ["error", "correlation"])
@pytest.mark.parametrize("novel", [0, 1, 6])
def test_figures_of_a_detector_with_none_one_and_several_novel_crops(draw, score, novel):
    roles = ["test"] * 12 + ["novel"] * novel
    species = ["fox"] * 12 + [ODD] * novel
    values = np.random.default_rng(0).random(len(roles))
    scores = pd.DataFrame({"species": species, "role": roles, "cae": values})
    draw(plot_scores, scores=scores, detector="cae", title=ODD, score=score)
    rates = ["recall", "low", "high", "false_alarm_rate", "false_alarm_low", "false_alarm_high"]
    row = dict.fromkeys(rates, 0.5) | {"n": novel, "events": 1, "n_native": 12, "native_events": 6}
    row |= {"species": ODD, "detector": "cae"}
    rules = [("quartile", 25, 0.2), *(("deviation", k, 0.1 * k) for k in (1, 2, 3))]
    rules += [("correlation", c, c) for c in (0.8, 0.9, 1.0)]
    names = "rule", "parameter", "threshold"
    table = pd.DataFrame([row | dict(zip(names, rule, strict=True)) for rule in rules])
    table = table if novel else table[:0]
    draw(plot_species_accuracy, rules=table, detector="cae", title="cae", score=score)
    curves = pd.DataFrame({"species": [ODD, ODD, "native", "native"], "parameter": [0, 1, 0, 1]})
    curves = curves.assign(detector="cae", share_flagged=0.5)
    draw(plot_accuracy, name=ODD, rules=table, curves=curves, detector="cae", score=score)


def test_loss(draw):
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.4, 0.3], "val_loss": [0.5, 0.45]})
    figure = draw(plot_loss, history=history, detector="cae", loss="mse")
    assert "0.4500, after epoch 2" in figure.axes[0].get_lines()[1].get_label()


@pytest.mark.parametrize(
    "name", ["species_before", "species_after", "high_level", "locations", "time", "sizes"]
)
def test_data_figures_of_one_crop_without_time(draw, name):
    exported = [pd.DataFrame({"label": labels}) for labels in ([ODD], ["", "NA"])]
    crop = {"species_label": ODD, "location": "", "datetime": "", "crop_width": 1, "crop_height": 1}
    species = {"native": [ODD], "invasive": []}
    labels = pd.DataFrame([crop])
    draw(plot_eda, name=name, exported=exported, labels=labels, species=species, high_level={})


def test_maps_and_reconstructions_of_odd_names(draw):
    rows = [("fox", "train", 5, n, n, n, n) for n in range(5)] + [(ODD, "novel", 5, 0, 0, 0, 0)]
    axes = ["latent_x", "latent_y", "reconstruction_x", "reconstruction_y"]
    table = pd.DataFrame(rows, columns=["species", "role", "perplexity", *axes])
    figure = draw(plot_tsne, name=ODD, embeddings=[table], detector="cae")
    assert [len(layer.get_offsets()) for layer in figure.axes[0].collections] == [5, 0, 1]
    draw(plot_tsne_labels, embeddings=[table], detector="cae", high_level={"fox": ODD})
    one = {"species": np.array([ODD]), "role": np.array(["novel"]), "score": np.array([0.1])}
    pairs = one | {"pairs": np.zeros((1, 2, 8, 8, 3), np.uint8)}
    draw(plot_reconstructions, pairs=pairs, detector="cae", species=ODD)


@pytest.mark.parametrize("n", [0, 2])
def test_queue(draw, n):
    explained = {
        "crops": np.full((n, 8, 8, 3), 200, np.uint8),
        "box": np.array([[0, 2, 8, 4]] * n).reshape(n, 4),
        "natives": np.full((n, 3), as_jpeg(np.full((8, 8, 3), 100, np.uint8))),
        "native_species": np.full((n, 3), ODD),
        "cosine": np.ones((n, 3)),
        "heat": np.arange(16.0).reshape(1, 4, 4).repeat(n, 0),
        "role": np.array(["novel", "unlisted"])[:n],
        "species": np.array([ODD, "fox"])[:n],
        "p_value": np.ones(n),
        "alarm": np.ones(n, bool),
    }
    draw(plot_queue, explained=explained, alarms=alarms_of(), detector=ODD, drawn=12)


def test_the_queue_says_what_was_asked_and_what_came_of_it():
    (asked,) = alarms_of().query("asked == 'yes'").itertuples()
    assert outcome(asked) == (
        "asked for: at most 10% false alarms; realised: 6% [1%, 20%] of 30 native events; "
        "recall: 50% [30%, 70%] of 12 invasive events"
    )
    week = asked._replace(target="alarms_per_week", setting=5, realised=4.8, low=np.nan)
    assert outcome(week).startswith("asked for: 5 alarms a week; realised: 4.8 alarms a week; ")


def test_the_legend_of_the_species_covers_no_number(draw):
    crops = pd.Series(["fox"] * 9 + ["jay"] * 8 + ["rat"] * 7)
    labels, species = (
        crops.to_frame("species_label"),
        {"native": ["fox", "jay"], "invasive": ["rat"]},
    )
    figure = draw(
        plot_eda, name="species_after", exported=[], labels=labels, species=species, high_level={}
    )
    assert [text.get_text() for text in figure.axes[0].texts][-1] == "  7  (29.2%)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["native", "invasive"]


MANY = [*("老鼠", "$x^2$", r"$\frac{", "_under", "two\nlines", "100 %", ODD)] + [
    f"{n} " + "a name of three hundred characters " * 9 + str(n) for n in range(53)
]


def labels_of(axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize("name", ["species_after", "locations"])
def test_data_figures_of_sixty_species_of_long_names(draw, name):
    labels = pd.DataFrame({"species_label": MANY * 2, "location": MANY * 2})
    sides = {"native": MANY[::2], "invasive": MANY[1::2]}
    figure = draw(plot_eda, name=name, exported=[], labels=labels, species=sides, high_level={})
    shown = labels_of(figure.axes[0])
    assert len(set(shown)) == 31 and shown[-1] == "30 more"
    assert max(map(len, shown)) <= 30 and "$x^2$" in shown and "_under" in shown


def test_figures_of_a_detector_with_sixty_species_of_long_names(draw):
    row = {"detector": "cae", "n": 9, "events": 2, "n_native": 12, "native_events": 6}
    row |= {"recall": 0.5, "low": 0.4, "high": 0.6, "threshold": 1.0}
    row |= {f"false_alarm_{name}": 0.1 for name in ("rate", "low", "high")}
    rules = [("quartile", 25), ("deviation", 1), ("deviation", 2), ("deviation", 3)]
    table = [row | {"species": s, "rule": r, "parameter": p} for s in MANY for r, p in rules]
    figure = draw(
        plot_species_accuracy, rules=pd.DataFrame(table), detector="cae", title="cae", score="error"
    )
    assert len(set(labels_of(figure.axes[0]))) == 61
    assert [len(axes.patches) for axes in figure.axes] == [61] * 4
    metrics = metrics_of(NINE)
    recall = metrics[metrics["metric"] == "recall_at_5_fpr"]
    rows = [recall.assign(stratum=f"species={name}") for name in MANY]
    metrics = pd.concat([metrics[metrics["metric"] == "auroc"], *rows])
    figure = draw(plot_species_recall, metrics=metrics, lead="d0")
    assert len(set(labels_of(figure.axes[0]))) == 60
    alarms = alarms_of()
    at = [alarms[alarms["location"] == ODD].assign(location=name) for name in MANY]
    draw(plot_alarm_rates, alarms=pd.concat([alarms, *at]), metrics=metrics, lead="d0")


def test_maps_of_sixty_species_of_long_names(draw):
    table = pd.DataFrame({"species": MANY[3:] + ["_under"] * 3, "role": "novel", "perplexity": 5})
    table = table.assign(latent_x=range(60), latent_y=range(60))
    figure = draw(plot_tsne_labels, embeddings=[table], detector="d" * 300, high_level={})
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(set(legend)) == 8 and "_under (n = 4)" in legend


def test_scores_of_sixty_species_of_long_names(draw):
    scores = pd.DataFrame({"species": ["fox", *MANY], "role": ["test"] + ["novel"] * 60})
    scores = scores.assign(cae=np.linspace(0, 1, 61))
    title = f"{'d' * 300} (saw these species in training)"
    figure = draw(plot_scores, scores=scores, detector="cae", title=title, score="error")
    assert "(saw these species in training): " in figure.get_suptitle()
    assert len(set(labels_of(figure.axes[0]))) == 61


@pytest.fixture
def rule(tmp_path, monkeypatch):
    """What a script knows of a rule with tables, arrays, params and a wildcard."""
    monkeypatch.setattr(style, "rule_log", lambda path: nullcontext())
    table, arrays = tmp_path / "t.csv", tmp_path / "a.npz"
    table.write_text("location,value\n007,1\n")
    np.savez(arrays, heat=np.ones(3))
    files = {"style": STYLE, "table": str(table), "tables": [str(table)] * 2, "arrays": str(arrays)}
    return SimpleNamespace(
        input=Namedlist(fromdict=files),
        output=Namedlist(fromdict={form: str(tmp_path / f"f.{form}") for form in ("svg", "png")}),
        params=Namedlist(fromdict={"site": "demo", "species": "Vulpes vulpes"}),
        wildcards=Namedlist(fromdict={"species": "fox", "detector": "cae"}),
        log=Namedlist(["log"]),
    )


def test_a_plot_gets_what_its_rule_has_by_name(rule, tmp_path):
    def plot(table, tables, arrays, species, detector, missing="default"):
        assert table["location"][0] == "007"
        assert [len(table) for table in tables] == [1, 1]
        assert arrays["heat"].tolist() == [1, 1, 1]
        assert (species, detector, missing) == ("Vulpes vulpes", "cae", "default")
        return plt.figure()

    run_plot(plot, rule)
    assert (tmp_path / "f.svg").exists() and (tmp_path / "f.png").exists()


def test_a_figure_for_each_name(rule, tmp_path):
    def plot(name, species):
        drawn.append((name, species))
        return plt.figure()

    drawn = []
    outputs = {form: [str(tmp_path / f"{n}.{form}") for n in "ab"] for form in ("svg", "png")}
    rule.output = Namedlist(fromdict=outputs)
    rule.params = Namedlist(fromdict={"site": "demo", "names": ["A", "B"]})
    run_plot(plot, rule)
    assert drawn == [("A", "fox"), ("B", "fox")]
    assert {path.name for path in tmp_path.glob("*.*g")} == {"a.svg", "a.png", "b.svg", "b.png"}
