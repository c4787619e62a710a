import numpy as np
import pytest
import torch
from torch import nn

from stowaway.models.autoencoders import ConvolutionalAutoencoder, DenseAutoencoder

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def count(module: nn.Module) -> int:
    """Parameters as Keras counts them, running means and variances included."""
    running = [b for name, b in module.named_buffers() if "running" in name]
    return sum(p.numel() for p in [*module.parameters(), *running])


def test_the_convolutional_network_is_the_originals():
    model = ConvolutionalAutoencoder(128, [64, 32, 16])
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert [m.out_channels for m in convolutions] == [64, 32, 16, 32, 64, 3, 3]
    # per layer by hand: kernel x in x out + bias, and four numbers per channel of batch norm
    by_hand = 1792 + 256 + 18464 + 128 + 4624 + 64 + 4640 + 128 + 18496 + 256 + 1731 + 12 + 84
    assert count(model) == by_hand == 50_675
    images = torch.rand(2, 3, 128, 128)
    assert model.encode(images).shape == (2, 16, 16, 16)
    assert model(images).shape == images.shape
    assert all(m.eps == 1e-3 for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_the_dense_network_is_the_originals():
    model = DenseAutoencoder(64, [64, 32, 64], "softmax")
    by_hand = (12288 * 64 + 64) + (64 * 32 + 32) + (32 * 64 + 64) + (64 * 12288 + 12288)
    assert count(model) == by_hand
    images = torch.rand(2, 3, 64, 64)
    assert model.encode(images).shape == (2, 32)
    assert torch.allclose(model(images).sum((1, 2, 3)), torch.ones(2))
    wide = DenseAutoencoder(8, [256, 128, 64, 32, 64, 128, 256])
    assert wide.encode(torch.rand(2, 3, 8, 8)).shape == (2, 32)


def keras_same(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """A 3x3 convolution of stride 2 with Keras's "same" padding (right and bottom), by loops."""
    channels, height, width = image.shape
    padded = np.zeros((channels, height + 1, width + 1))
    padded[:, :height, :width] = image
    out = np.zeros((len(kernel), height // 2, width // 2))
    for o, y, x in np.ndindex(*out.shape):
        out[o, y, x] = (padded[:, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3] * kernel[o]).sum()
    return out


def test_padding_is_that_of_keras():
    """The network turns images by 180 degrees so that torch pads where Keras does."""
    model = ConvolutionalAutoencoder(16, [4, 4, 4])
    convolution = model.encoder[0][0]
    kernel = convolution.weight.detach().numpy()
    with torch.no_grad():
        ours = convolution(IMAGES.flip(2, 3)).flip(2, 3)[0].numpy()
    turned = kernel[:, :, ::-1, ::-1]
    assert np.allclose(ours, keras_same(IMAGES[0].numpy(), turned), atol=1e-5)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("kind", [DenseAutoencoder, ConvolutionalAutoencoder])
def test_outputs_are_pixels(kind, output):
    made = kind(16, [8, 4, 8], output)(IMAGES)
    assert made.shape == IMAGES.shape
    assert made.min() >= 0 and made.max() <= 1
