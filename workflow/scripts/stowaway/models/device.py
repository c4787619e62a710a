"""Where a network computes, and how packed pixels get there."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stowaway.core.memory import keep_memory

INFERENCE_BATCH = 64  # larger ones fall out of a processor's cache: measured half as fast at 256


@dataclass
class Backend:
    """Where and in which precision a network computes."""

    device: torch.device
    precision: torch.dtype

    @classmethod
    def choose(cls, precision: str, threads: int) -> "Backend":
        """The accelerator if there is one, else `threads` of the CPU; `auto` means bfloat16 where
        the hardware computes in it."""
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads any
        torch.backends.cudnn.benchmark = False
        keep_memory()
        device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        fast = fast or device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        wanted = precision == "bfloat16" or precision == "auto" and fast
        return cls(device, torch.bfloat16 if wanted else torch.float32)

    def images(self, pixels: np.ndarray | Tensor) -> Tensor:
        """(n, size, size, 3) uint8 -> (n, 3, size, size) float in [0, 1], channels last."""
        if isinstance(pixels, np.ndarray):
            pixels = torch.from_numpy(np.ascontiguousarray(pixels))
        return pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)

    def read(self, pixels: np.ndarray, batches: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """The images of the rows of each batch; while one is used, the next one is read.

        For a GPU it is also pinned, so that it is copied while the GPU computes.
        """

        def fetch(rows: np.ndarray) -> Tensor:
            read = torch.from_numpy(pixels[rows])
            return read if self.device.type == "cpu" else read.pin_memory()

        with ThreadPoolExecutor(1) as reader:
            coming = deque()
            for rows in batches:
                coming.append(reader.submit(fetch, rows))
                if len(coming) > 1:
                    yield self.images(coming.popleft().result())
            while coming:
                yield self.images(coming.popleft().result())

    def autocast(self) -> AbstractContextManager:
        """The context in which a network is called."""
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, self.precision, enabled=enabled)
