import pytest
import torch
from torch import nn

from stowaway.models.cpu_layers import PlaneNorm, TransposedConvolution

FORMS = [  # in, out, kernel, stride, padding, output padding: the autoencoder's two, and an odd one
    (5, 7, 3, 2, 1, 1),
    (3, 3, 3, 1, 1, 0),
    (2, 4, 4, 3, 2, 0),
]


def passes(layer: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Output, then the gradients of a loss by the input and by each parameter."""
    images = images.clone().requires_grad_()
    layer.zero_grad()
    output = layer(images)
    (output * torch.linspace(-1, 2, output.numel()).view_as(output)).sum().backward()
    return [output.detach(), images.grad, *(p.grad.clone() for p in layer.parameters())]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("last", [torch.contiguous_format, torch.channels_last])
def test_a_transposed_convolution_and_its_gradients_are_torchs(form, last):
    torch.manual_seed(1)
    ours, theirs = TransposedConvolution(*form).double(), nn.ConvTranspose2d(*form).double()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(4, form[0], 6, 5, dtype=torch.double).to(memory_format=last)
    for found, wanted in zip(passes(ours, images), passes(theirs, images), strict=True):
        torch.testing.assert_close(found, wanted)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_under_autocast_it_computes_in_bfloat16_and_gives_float_gradients():
    torch.manual_seed(1)
    layer = TransposedConvolution(*FORMS[0])
    images = torch.randn(4, 5, 6, 5)
    exact = passes(layer, images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = passes(layer, images)
    assert rough[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in rough[1:])
    for found, wanted in zip(rough, exact, strict=True):
        error = (found.float() - wanted).norm() / wanted.norm()
        assert 0 < error < 0.01  # bfloat16 has eight bits


@pytest.mark.parametrize("training", [True, False])
def test_plane_norm_is_batch_norm_and_keeps_channels_last(training):
    torch.manual_seed(1)
    ours, theirs = (kind(3).double().train(training) for kind in (PlaneNorm, nn.BatchNorm2d))
    images = torch.randn(4, 3, 6, 5, dtype=torch.double) * 3 + 1
    images = images.to(memory_format=torch.channels_last)
    for found, wanted in zip(passes(ours, images), passes(theirs, images), strict=True):
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert ours(images).is_contiguous(memory_format=torch.channels_last)
