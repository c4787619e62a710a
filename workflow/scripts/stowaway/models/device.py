"""Where a network computes, how packed pixels get there, and how its results come back."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.data.packs import Pack, batches

INFERENCE_BATCH = 64  # larger ones fall out of a processor's cache: measured half as fast at 256

Pixels = Pack | np.ndarray  # (n, size, size, 3) uint8


@dataclass
class Device:
    """Where and in which precision a network computes."""

    device: torch.device
    precision: torch.dtype

    @classmethod
    def choose(cls, precision: str, threads: int) -> "Device":
        """The accelerator if there is one, else `threads` of the CPU.

        `precision` is float32, bfloat16, or auto: bfloat16 where the hardware computes in it.
        """
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

    @property
    def precision_name(self) -> str:
        """float32 or bfloat16."""
        return str(self.precision).removeprefix("torch.")

    def place(self, model: nn.Module) -> nn.Module:
        """Move a network here, its weights channels last."""
        return model.to(self.device, memory_format=torch.channels_last)

    def autocast(self) -> AbstractContextManager:
        """The context in which a network is called."""
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, self.precision, enabled=enabled)

    @torch.inference_mode()
    def reconstruct(self, model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        """An autoencoder's latents and reconstructions of (n, 3, size, size) images, in float32."""
        with self.autocast():
            latents = model.encode(images)
            reconstructions = model.decode(latents)
        return latents.float(), reconstructions.float()

    def images(self, pixels: np.ndarray | Tensor) -> Tensor:
        """(n, size, size, 3) uint8 -> (n, 3, size, size) float in [0, 1], channels last."""
        if isinstance(pixels, np.ndarray):
            pixels = torch.from_numpy(np.ascontiguousarray(pixels))
        return pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)

    def read(self, pixels: Pixels, row_batches: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """Yield the images of each batch of rows; while one is used, the next one is read.

        For a GPU it is also pinned, so that it is copied while the GPU computes.
        """

        def fetch(rows: np.ndarray) -> Tensor:
            batch = torch.from_numpy(pixels[rows])
            return batch if self.device.type == "cpu" else batch.pin_memory()

        with ThreadPoolExecutor(1) as reader:
            coming = deque()
            for rows in row_batches:
                coming.append(reader.submit(fetch, rows))
                if len(coming) > 1:
                    yield self.images(coming.popleft().result())
            while coming:
                yield self.images(coming.popleft().result())

    def read_rows(
        self, pixels: Pixels, rows: np.ndarray, what: str, size: int | None = None
    ) -> Iterator[Tensor]:
        """Yield the images of all `rows` with progress called `what`, in batches of `size`, by
        default INFERENCE_BATCH."""
        # no rows are one empty batch, so that the results of none have their shape too
        row_batches = batches(rows, size or INFERENCE_BATCH) or [rows]
        return self.read(pixels, progress(row_batches, what, "batches"))


def join_batches(results: Iterable[dict[str, Tensor]], n: int) -> dict[str, np.ndarray]:
    """Join what was computed of each batch: (batch, ...) tensors -> (n, ...) float32 arrays.

    The arrays are made at the first batch: what is kept of each batch apart would lie between the
    large tensors of the next ones, whose memory could not be used again.
    """
    joined, done = {}, 0
    for batch in results:
        for name, values in batch.items():
            if name not in joined:
                joined[name] = np.empty((n, *values.shape[1:]), np.float32)
            joined[name][done : done + len(values)] = values.float().cpu().numpy()
        done += len(values)
    return joined
