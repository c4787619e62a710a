"""The autoencoders: pure modules, no files and no config. Pixels in and out lie in [0, 1]."""

from torch import Tensor, nn

from stowaway.models.cpu_layers import PlaneNorm, TransposedConvolution


class DenseAutoencoder(nn.Module):
    """Fully connected autoencoder over flattened RGB pixels, ReLU between the layers.

    The original's is `layers=(64, 32, 64)` with `output="softmax"`: its outputs sum to 1 over all
    pixels, so it can learn where a crop is bright but never how bright. `"sigmoid"` mends that.
    """

    def __init__(self, image_size: int, layers: list[int], output: str = "sigmoid") -> None:
        super().__init__()
        self.image_size = image_size
        pixels = 3 * image_size * image_size
        bottleneck = layers.index(min(layers)) + 1
        self.encoder = _dense([pixels, *layers[:bottleneck]])
        self.decoder = _dense(layers[bottleneck - 1 :])
        self.output = nn.Linear(layers[-1], pixels)
        self.activation = nn.Sigmoid() if output == "sigmoid" else nn.Softmax(dim=1)
        self.apply(_initialise)

    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> (n, narrowest layer) latents."""
        return self.encoder(images.flatten(1))

    def decode(self, latents: Tensor) -> Tensor:
        """(n, narrowest layer) latents -> (n, 3, size, size) pixels."""
        pixels = self.activation(self.output(self.decoder(latents)))
        return pixels.unflatten(1, (3, self.image_size, self.image_size))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> their reconstructions, of the same shape."""
        return self.decode(self.encode(images))


class ConvolutionalAutoencoder(nn.Module):
    """The original's convolutional autoencoder: 3x3 kernels, stride 2, batch norm, LeakyReLU(0.3).

    `layers` are the encoder's filters (64, 32, 16 in the original). The decoder mirrors all but
    the last and ends in 3 channels (32, 64, 3), then a transposed convolution of stride 1 and the
    output activation. Padding and initial weights are those of Keras, in which the original was
    written. Keras pads a stride-2 convolution on the right and bottom, torch's
    `padding=1` on the left and top; padding by hand costs two thirds of the speed, so the network
    works on images turned by 180 degrees instead, which is the same network with turned kernels.
    """

    def __init__(self, image_size: int, layers: list[int], output: str = "sigmoid") -> None:
        super().__init__()
        self.image_size = image_size
        down = zip([3, *layers], layers, strict=False)
        up = [*reversed(layers), 3]
        self.encoder = nn.Sequential(*(_down(i, o) for i, o in down))
        self.decoder = nn.Sequential(*(_up(i, o) for i, o in zip(up, up[1:], strict=False)))
        self.output = TransposedConvolution(3, 3, 3, padding=1)
        self.activation = nn.Sigmoid() if output == "sigmoid" else _PixelSoftmax()
        self.apply(_initialise)

    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> (n, filters, size / 2^layers, the same) latent maps."""
        return self.encoder(images.flip(2, 3))

    def decode(self, latents: Tensor) -> Tensor:
        """(n, filters, size / 2^layers, the same) latent maps -> (n, 3, size, size) pixels."""
        return self.activation(self.output(self.decoder(latents))).flip(2, 3)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> their reconstructions, of the same shape."""
        return self.decode(self.encode(images))


def _down(inputs: int, outputs: int) -> nn.Sequential:
    """Halve height and width: (n, i, 2h, 2w) -> (n, o, h, w)."""
    conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    return nn.Sequential(conv, _norm(outputs), nn.LeakyReLU(0.3, inplace=True))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    """Double height and width: (n, i, h, w) -> (n, o, 2h, 2w)."""
    conv = TransposedConvolution(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(conv, _norm(outputs), nn.LeakyReLU(0.3, inplace=True))


class _PixelSoftmax(nn.Module):
    """Softmax over all pixels and channels of an image: (n, c, h, w) -> the same, sum 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).softmax(1).view_as(x)


def _dense(units: list[int]) -> nn.Sequential:
    layers = []
    for inputs, outputs in zip(units, units[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _norm(channels: int) -> nn.BatchNorm2d:
    # Keras's epsilon. Its momentum, 0.99, is 0.9 here (in torch's terms 0.1): a small island is
    # trained in some hundred steps, and running statistics that forget one part in a hundred per
    # step would still hold their meaningless start when the network is evaluated with them.
    kind = PlaneNorm if channels < 8 else nn.BatchNorm2d
    return kind(channels, eps=1e-3, momentum=0.1)


def _initialise(module: nn.Module) -> None:
    """Keras's defaults: Glorot uniform weights, zero biases."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
