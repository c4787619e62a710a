"""Every kind of file of our own, damaged in every way: one line that names file and rule."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from conftest import ROOT
from shard_annotations import shard_annotations
from stowaway.core import files
from stowaway.core.files import MADE_BY, damaged, read_arrays
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, rows, write_table
from stowaway.data.packs import Features, Pack, decode_crop
from stowaway.detectors.registry import fit_all, load_all, save_all
from stowaway.embedding.components import PrincipalAxes, load_axes, save_axes
from stowaway.embedding.points import load_points, save_points
from stowaway.models.backbones import open_backbone
from stowaway.models.checkpoint import build, load_detector, save, save_detector
from stowaway.plots.style import read

N = 12
ALL = np.arange(N)
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(N, 6)).astype(np.float32)
CROPS = pd.DataFrame({"crop_id": [f"{n}.jpg" for n in range(N)], "row": ALL, "role": "train"})
CROPS["species"], CROPS["event"] = ["fox", "rat"] * (N // 2), [f"e{n // 2}" for n in range(N)]
SETTINGS = {
    "kind": "dense",
    "image_size": 8,
    "layers": [8, 4],
    "output": "sigmoid",
    "score": "error",
    "seed": 3,
}
SCORES = "crop_id,species,role,event,score\r\na.jpg,fox,test,e,0.25\r\nb.jpg,rat,novel,f,0.5\r\n"
TABLE = "crop_id,species,score\r\na.jpg,fox,0.25\r\nb.jpg,rat,0.5\r\n"
SHARD = (
    "crop_id,image_id,file_name,key,x,y,w,h,species,location,width,height\r\n"
    "a.jpg,a,a.jpg,a,1,2,3,4,fox,A,,\r\nb.jpg,b,b.jpg,b,1,2,3,4,fox,A,640,480\r\n"
)


def made(make: Callable, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def axes(path: Path) -> None:
    one = PrincipalAxes(torch.zeros(5), torch.zeros(5, 2))
    save_axes(path, {"latent": one, "reconstruction": one})


def whole(name: str, write: Callable, load: Callable) -> SimpleNamespace:
    """A file's name in results, how it is written, and how it is read to the end."""
    return SimpleNamespace(name=name, write=write, load=load)


KINDS = [
    whole(
        "packed/8.npy",
        lambda path: np.save(path, np.zeros((N, 8, 8, 3), np.uint8)),
        lambda path: Pack(path, N)[ALL],
    ),
    whole(
        "features.npy",
        lambda path: np.save(path, FEATURES),
        lambda path: Features(path, N)[ALL],
    ),
    whole(
        "feature_detectors.npz",
        lambda path: save_all(path, fit_all({"a": {"method": "knn"}}, FEATURES, CROPS)),
        lambda path: load_all(path, 6),
    ),
    whole(
        "tsne/a/components.npz",
        lambda path: save_points(path, CROPS[["crop_id"]], {"latent": FEATURES}),
        load_points,
    ),
    whole("tsne/a/axes.npz", axes, lambda path: load_axes(path, torch.device("cpu"))),
    whole(
        "explanations.npz",
        lambda path: np.savez(path, crops=FEATURES, species=CROPS["species"].to_numpy(str)),
        lambda path: read(str(path)),
    ),
    whole(
        "models/a.pt",
        lambda path: save_detector(path, build(SETTINGS), SETTINGS, {"scale": torch.ones(2)}),
        load_detector,
    ),
    whole("scores.csv", lambda path: path.write_bytes(SCORES.encode()), read_table),
    whole(
        "shards/1-of-1.csv",
        lambda path: path.write_bytes(SHARD.encode()),
        lambda path: list(rows(path)),
    ),
]
BYTES = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) * 2 // 3],
    "one byte short": lambda whole: whole[:-1],
    "text": lambda whole: b"<html>please log in</html>\n",
    "zeros": lambda whole: bytes(len(whole)),
    "noise": lambda whole: np.random.default_rng(1).bytes(len(whole)),
    "pickle": lambda whole: pickle.dumps([Path("x"), {"a": 1}]),
    "zip": lambda whole: b"PK\x03\x04",
    "json": lambda whole: b"{}",
}


def refusal(kind: SimpleNamespace, path: Path) -> str:
    with pytest.raises(BadInput) as raised:
        kind.load(path)
    line = str(raised.value)
    rule = next(rule for name, rule in MADE_BY.items() if Path(kind.name).match(name))
    pattern = re.escape(str(path)) + rf": damaged \(.{{5,70}}\); run again with --forcerun {rule}"
    assert re.fullmatch(pattern, line)
    assert "weights_only" not in line and "pickle" not in line
    return line


@pytest.mark.parametrize("damage", BYTES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_bytes_are_one_line_with_file_and_rule(kind, damage, tmp_path, capfd):
    path = tmp_path / kind.name
    made(kind.write, path)
    kind.load(path)
    path.write_bytes(BYTES[damage](path.read_bytes()))
    line = refusal(kind, path)
    assert "it is empty" in line or damage != "empty"
    assert "weights_only" not in "".join(capfd.readouterr())


def test_a_missing_file_is_named_too(tmp_path):
    for kind in KINDS[2:7]:
        assert "it is no file" in refusal(kind, tmp_path / kind.name)


CONTENT = [
    ("packed/8.npy", np.zeros((N - 1, 8, 8, 3), np.uint8), "11 rows, and labels.csv has 12"),
    ("packed/8.npy", np.zeros((N, 8, 8, 3), np.float32), "it holds float32"),
    ("packed/8.npy", np.zeros((N, 8, 8), np.uint8), r"it holds uint8\[12, 8, 8\]"),
    ("packed/8.npy", np.asfortranarray(np.zeros((N, 8, 8, 3), np.uint8)), "it holds"),
    ("features.npy", np.zeros((N, 6), np.int64), "it holds int64"),
    ("features.npy", np.zeros((N + 1, 6), np.float32), "13 rows"),
    ("features.npy", np.full((N, 6), np.nan, np.float32), "values that are not finite"),
    ("features.npy", np.array([[None] * 6] * N, object), "holds"),
]


@pytest.mark.parametrize("name, array, why", CONTENT)
def test_arrays_of_other_rows_shapes_and_values_are_refused(name, array, why, tmp_path):
    kind = next(kind for kind in KINDS if kind.name == name)
    made(lambda path: np.save(path, array), tmp_path / name)
    assert re.search(why, refusal(kind, tmp_path / name))


@pytest.mark.parametrize("kind", KINDS[2:6], ids=lambda kind: kind.name)
def test_an_npz_of_other_shapes_values_or_names_is_refused(kind, tmp_path):
    path = tmp_path / kind.name
    made(kind.write, path)
    arrays = dict(np.load(path))
    name = next(name for name, array in arrays.items() if array.dtype.kind == "f")
    short = arrays | {name: arrays[name][..., :-1] if "detect" in kind.name else arrays[name][:-1]}
    broken = [short, arrays | {name: np.array([object()])}]
    if kind.name != "explanations.npz":  # where a heat map may lack values
        broken.append(arrays | {name: np.full_like(arrays[name], np.nan)})
    for content in broken:
        np.savez(path, **content)
        refusal(kind, path)
    with pytest.raises(BadInput, match="damaged .it has no cosine.; run again with --forcerun"):
        np.savez(path, **arrays)
        read_arrays(path)["cosine"]


def test_weights_that_are_not_finite_or_of_another_network_are_refused(tmp_path):
    kind, path = KINDS[6], tmp_path / "models/a.pt"
    other = build(SETTINGS | {"layers": [16, 4]}).state_dict()
    made(kind.write, path)
    saved = torch.load(path, weights_only=True)
    name = next(iter(saved["state_dict"]))
    bad = saved["state_dict"] | {name: torch.full_like(saved["state_dict"][name], torch.nan)}
    for state in (other, bad, {}, [1], None):
        save(path, saved | {"state_dict": state})
        refusal(kind, path)
    save(path, saved | {"state_dict": bad})
    assert "weights that are not finite" in refusal(kind, path)
    made(kind.write, path)
    content = bytearray(path.read_bytes())
    place = content.index(saved["state_dict"][name].numpy().tobytes())
    content[place + 1] ^= 1  # one bit of one weight
    path.write_bytes(content)
    assert "do not match their checksums" in refusal(kind, path)
    save(path, {"settings": saved["settings"]})
    assert "it has no state_dict" in refusal(kind, path)
    save(path, torch.zeros(3))
    refusal(kind, path)


@pytest.mark.parametrize(
    "text, why",
    [
        (TABLE.replace("\r\nb.jpg,rat,0.5\r\n", "\r\nb.jpg,rat,0."), "its last line is cut short"),
        (TABLE.replace("b.jpg,rat,0.5", "b.jpg"), "row 2 has 1 of 3 cells"),
        (TABLE.replace("0.5", "half"), "column score holds what is no number"),
        (
            TABLE.replace("fox,0.25", "fox,0.25,1").replace("rat,0.5", "rat,0.5,1"),
            "row 1 has 4 of 3 cells",
        ),
        (TABLE.replace("rat,0.5", "rat,0.5,1"), "row 2 has 4 of 3 cells"),
        (TABLE.replace("species", "taxon"), "it has no column species"),
        ("name,value\n1,2\n", "it has no column"),
    ],
)
def test_tables_that_are_cut_or_hold_something_else_are_refused(text, why, tmp_path):
    (tmp_path / "scores").mkdir()
    path = tmp_path / "scores" / "a.csv"
    path.write_bytes(text.encode())
    columns = ["crop_id", "species", "score"]
    with pytest.raises(BadInput, match=f"a.csv: damaged .*{why}.*--forcerun score_crops$"):
        read_table(path, columns)


@pytest.mark.parametrize(
    "text, why",
    [
        (SHARD.replace("A,640,480\r\n", "A,640\r\n"), "row 2 has 11 of 12 cells"),
        (SHARD.replace("480\r\n", "480"), "its last line is cut short"),
        (SHARD.replace("b,1,2", "b,one,2"), "row 2: x is no whole number"),
        (SHARD.replace("b,1,2", "b,1.5,2"), "row 2: x is no whole number"),
        ("hello world\n", "it holds something else"),
    ],
)
def test_streamed_tables_that_are_cut_or_hold_something_else_are_refused(text, why, tmp_path):
    (tmp_path / "shards").mkdir()
    path = tmp_path / "shards" / "1-of-1.csv"
    path.write_bytes(text.encode())
    with pytest.raises(BadInput, match=f"damaged .{why}.; run .* --forcerun shard_annotations$"):
        list(rows(path))


def test_annotations_that_are_damaged_are_not_dealt_out(tmp_path):
    path = tmp_path / "annotations.csv"
    for text in ("", "hello world\n", "crop_id,image_id\na\n", "crop_id,image_id\na,b"):
        path.write_text(text)
        with pytest.raises(BadInput, match="annotations.csv: damaged .* --forcerun index_anno"):
            shard_annotations(path, [tmp_path / "1.csv", tmp_path / "2.csv"])
        assert list(tmp_path.iterdir()) == [path]


def test_a_column_that_a_streamed_table_lacks_is_named(tmp_path):
    (tmp_path / "labels.csv").write_text("crop_id\na.jpg\n")
    with pytest.raises(BadInput, match="no column image_path.; .* --forcerun gather_labels"):
        [row["image_path"] for row in rows(tmp_path / "labels.csv")]


def test_an_empty_table_is_no_damage(tmp_path):
    write_table(pd.DataFrame(columns=["crop_id", "score"]), tmp_path / "t.csv")
    assert len(read_table(tmp_path / "t.csv")) == len(list(rows(tmp_path / "t.csv"))) == 0


def test_a_damaged_crop_is_named(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    for content in (path.read_bytes()[:900], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="a.jpg: damaged .* --forcerun crop_images"):
            decode_crop(path, 64)


def test_the_advice_of_torch_is_not_repeated_for_weights_of_a_backbone(tmp_path):
    torch.save(Path("x"), tmp_path / "w.pt")
    with pytest.raises(BadInput, match="w.pt: damaged .*; set backbone.weights") as raised:
        open_backbone("resnet18", str(tmp_path / "w.pt"))
    assert "weights_only" not in str(raised.value)


def test_errors_of_the_program_are_not_called_damage(tmp_path):
    for error in (TypeError, AttributeError, NameError, AssertionError, ZeroDivisionError):
        with pytest.raises(error), files.reading(tmp_path):
            raise error


def test_every_table_and_array_of_the_rules_is_known_by_the_rule_that_makes_it():
    outputs = []
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^ *rule ", path.read_text(), flags=re.M)[1:]:
            rule, _, rest = block.partition(":")
            written = rest.partition("output:")[2].partition("log:")[0]
            names = re.findall(r'"<results>/(\S+\.(?:csv|npy|npz|pt))"', written)
            outputs += [(rule, name) for name in names]
    assert len(outputs) > 25
    for rule, name in outputs:
        assert damaged(f"results/x/{name}", "").endswith(f"--forcerun {rule}"), name
