"""One training in several processes, each with a GPU of its own: torchrun and DDP.

Every process reads the same crops in the same order and takes its share of each batch, so a batch
is as large as the settings say, whatever the number of GPUs.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.nn.parallel import DistributedDataParallel

from stowaway.core.script import BadInput


def launch(processes: int, function: Callable, *arguments: Any) -> None:
    """Call `function(*arguments)` in so many processes that know each other; in this one for one.

    `function` must be importable, and only the process of `first()` should write files. Raises
    BadInput where there are GPUs, but fewer than processes.
    """
    if processes == 1:
        function(*arguments)
        return
    there = torch.accelerator.device_count()
    if 0 < there < processes:
        raise BadInput(f"{processes} GPUs are asked for and {there} are there: set gpu={there}")
    config = LaunchConfig(
        *(1, 1, processes),  # nodes, at least and at most, and processes on each
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    elastic_launch(config, _member)(function, *arguments)


def _member(function: Callable, *arguments: Any) -> None:
    if torch.accelerator.is_available():
        torch.accelerator.set_device_index(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group()  # nccl for GPUs, else gloo
    try:
        function(*arguments)
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process, 0 where it is the only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def first() -> bool:
    """Whether this process is the one that writes files, or the only one."""
    return rank() == 0


def shared(model: nn.Module) -> nn.Module:
    """The model to call in training, whose gradients are those of the whole batch in each process.

    On GPUs so are the statistics of batch norm; torch has that for GPUs alone.
    """
    if not dist.is_initialized():
        return model
    if torch.accelerator.is_available():
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return DistributedDataParallel(model)


def share(batch: np.ndarray) -> tuple[np.ndarray, float]:
    """This process's rows of a batch, and the weight of their mean loss in that of the batch.

    Gradients are averaged over processes. A process for which nothing is left takes a row too,
    since all of them must compute, with weight 0.
    """
    if not dist.is_initialized():
        return batch, 1.0
    mine = batch[dist.get_rank() :: dist.get_world_size()]
    if len(mine) == 0:
        return batch[:1], 0.0
    return mine, len(mine) * dist.get_world_size() / len(batch)


def mean(value: Tensor) -> float:
    """The mean of a number over all processes."""
    if dist.is_initialized():
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value.item()
