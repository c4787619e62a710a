"""Snakemake that looks at its Slurm jobs each second, not ever later: for tests alone."""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def second(executor: RemoteExecutor) -> None:
    """The pause between two looks."""
    await asyncio.sleep(1)


if __name__ == "__main__":
    RemoteExecutor.sleep = second
    sys.exit(main())
