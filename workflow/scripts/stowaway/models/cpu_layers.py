"""Layers of torch that compute the same, where a processor is much slower at torch's own.

Each was found by the profiler: `benchmarks/training.py` has what they bring.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class TransposedConvolution(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` without groups or dilation, whose training takes half of the time.

    Its gradients are plain convolutions: for those, oneDNN is several times faster than for the
    gradients of a transposed one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, h, w) -> (n, out, h', w')."""
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        operands = x, self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):
            operands = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in operands)
        return _Transposed.apply(*operands, self.stride, self.padding, self.output_padding)


class _Transposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, *form: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = form
        return functional.conv_transpose2d(x, weight, bias, *form)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # The layer is the gradient of a convolution C in its input. So its own gradients are C
        # itself, and the gradient of C's weights, where x is what C's gradient would be.
        x, weight = ctx.saved_tensors
        stride, padding, _ = ctx.form
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_weight = torch.ops.aten.convolution_backward(
            *(x, gradient, weight, None, stride, padding, (1, 1), False, (0, 0), 1),
            (False, True, False),
        )[1]
        of_x = functional.conv2d(gradient, weight, None, stride, padding)
        return of_x, of_weight, gradient.sum((0, 2, 3)), None, None, None


class PlaneNorm(nn.BatchNorm2d):
    """Batch norm for few channels: for three, ten times as fast by planes as by pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape; channels last, as it came, in memory."""
        if x.device.type != "cpu":
            return super().forward(x)
        return super().forward(x.contiguous()).contiguous(memory_format=torch.channels_last)
