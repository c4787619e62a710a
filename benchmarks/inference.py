"""Features by other runtimes: ONNX Runtime, OpenVINO and torch.compile beside today's way.

python benchmarks/inference.py [NAME ...]; needs onnx, onnxscript, onnxruntime and openvino, in an
environment of their own that sees the project's: `pip install` them into a new one, with a .pth
file that names .venv's site-packages. A runtime that is not installed is left out. Each way
computes the features of the same batch of crops and their mirrors with the default backbone, or
with those named, at random weights. Rounds take turns, on 1 thread and on 2; ratios are of their
medians, to today's: channels last, in float32. *Start* is the processor time before a way's second
batch. `python benchmarks/inference.py networks` needs none of them: it compares networks with
random weights. A GPU has rows of float32, float16 and bfloat16 by size of batch. Writes
inference.csv, networks_time.csv, inference_gpu.csv.
"""

import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from bench import SCRIPTS, report
from torch import nn

sys.path.append(str(SCRIPTS))
from stowaway.models.backbones import BATCH, Backbone, open_backbone
from stowaway.models.device import Device

NAME, SIZE, ROUNDS = "efficientnet_lite0", 224, 7
LARGE = "timm/vit_large_patch14_dinov2"  # on a GPU, with random weights
GPU_BATCHES = 16, 64, 256
FEW = 3  # crops and rounds of the networks: a large one takes seconds for each crop
NETWORKS = (
    NAME,
    "efficientnet_lite2",
    "resnet50",
    "timm/convnext_tiny",
    "timm/vit_small_patch14_dinov2",
    "timm/vit_base_patch16_224",
    LARGE,
)


class Both(nn.Module):
    """The mean of a crop's features and its mirror's, as a module that can be exported."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.features = backbone.features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (self.features(images) + self.features(images.flip(3))) / 2


def ways(
    name: str, images: torch.Tensor, threads: int, folder: Path
) -> Iterator[tuple[str, Callable]]:
    """(name, function of no argument that returns the features) of each way on a processor."""
    backbone = open_backbone(name, None, pretrained=name == NAME)
    yield "today: channels last, float32", lambda: backbone(images)

    def bfloat16() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return backbone(images).float()

    if torch.cpu._is_avx512_bf16_supported():  # elsewhere it is emulated, 17 times slower
        yield "today: channels last, bfloat16", bfloat16
    import torch._inductor.config as inductor

    inductor.freezing = True
    compiled = torch.compile(Both(backbone))
    last = images.contiguous(memory_format=torch.channels_last)
    yield "torch.compile, frozen", no_gradients(lambda: compiled(last))
    plain = Both(copy.deepcopy(backbone)).to(memory_format=torch.contiguous_format)
    array = images.numpy()
    if find_spec("onnxruntime"):
        import onnxruntime

        file = str(folder / "backbone.onnx")
        torch.onnx.export(plain, (images,), file, dynamo=True, input_names=["images"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
        yield "ONNX Runtime", lambda: torch.from_numpy(session.run(None, {"images": array})[0])
    if find_spec("openvino"):
        sys.modules["openvino_telemetry"] = None  # it would tell Intel of each import and network
        import openvino

        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        converted = openvino.convert_model(plain, example_input=images[:1])
        request = openvino.Core().compile_model(converted, "CPU", settings)
        yield "OpenVINO", lambda: torch.from_numpy(request(array)[0].copy())


def no_gradients(function: Callable) -> Callable:
    """The function as it is called without gradients."""

    def called() -> torch.Tensor:
        with torch.no_grad():
            return function()

    return called


def on_processor(name: str, threads: int) -> list[dict]:
    """A row for each way with so many threads."""
    Device.choose("float32", threads)  # sets the threads, and keeps freed memory as the rules do
    images = torch.rand((BATCH, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    functions, results, starts = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        for way, function in ways(name, images, threads, Path(folder)):
            functions[way], results[way] = function, function()
            starts[way], started = time.process_time() - started, time.process_time()
        times = {way: [] for way in functions}
        for _ in range(ROUNDS):
            for way, function in functions.items():
                before = time.perf_counter(), time.process_time()
                function()
                taken = np.subtract((time.perf_counter(), time.process_time()), before)
                times[way].append(1000 * taken / BATCH)
    medians = {way: np.median(taken, axis=0) for way, taken in times.items()}
    first, *_ = results
    rows = []
    for way, median in medians.items():
        off = (results[way] - results[first]).abs().max().item()
        clock, processor = medians[first] / median
        row = {"network": name, "threads": threads, "way": way}
        row |= {"start, CPU s": f"{starts[way]:.1f}"}
        row |= {"ms a crop and mirror": f"{median[0]:.1f}", "CPU ms": f"{median[1]:.1f}"}
        row |= {"times as fast": f"{clock:.2f}", "by CPU": f"{processor:.2f}"}
        rows.append(row | {"largest difference": f"{off:.0e}"})
    return rows


def of_networks() -> list[dict]:
    """A row for each of NETWORKS on one thread, with random weights, beside the default one."""
    Device.choose("float32", 1)
    backbones = {name: open_backbone(name, None, pretrained=False) for name in NETWORKS}
    images = torch.rand(FEW, 3, SIZE, SIZE)
    times = {name: [] for name in NETWORKS}
    for _ in range(FEW):
        for name, backbone in backbones.items():
            started = time.perf_counter()
            features = backbone(images)
            times[name].append(1000 * (time.perf_counter() - started) / FEW)
            backbone.dimensions = features.shape[1]
    rows = []
    for name, backbone in backbones.items():
        own, first = (statistics.median(times[n]) for n in (name, NAME))
        weights = sum(part.numel() for part in backbone.features.parameters())
        row = {"network": name, "dimensions": backbone.dimensions}
        row |= {"million weights": f"{weights / 1e6:.0f}", "ms a crop and mirror": f"{own:.0f}"}
        rows.append(row | {"times as long": f"{own / first:.1f}"})
    return rows


def on_gpu() -> list[dict]:
    """A row for each network, precision and size of batch; the copy from pinned memory counts."""
    rows = []
    for name, weights in ((NAME, True), (LARGE, False)):
        backbone = open_backbone(name, None, pretrained=weights)
        backbone.features.to("cuda")
        for precision in (torch.float32, torch.float16, torch.bfloat16):
            for batch in GPU_BATCHES:
                images = torch.rand(batch, 3, SIZE, SIZE).pin_memory()
                taken = []
                for _ in range(ROUNDS):
                    torch.cuda.synchronize()
                    started = time.perf_counter()
                    with torch.autocast("cuda", precision, enabled=precision != torch.float32):
                        backbone(images.to("cuda", non_blocking=True))
                    torch.cuda.synchronize()
                    taken.append(time.perf_counter() - started)
                rate = f"{batch / statistics.median(taken):.0f}"
                what = {"network": name, "precision": str(precision), "batch": batch}
                rows.append(what | {"crops and mirrors a second": rate})
    return rows


if __name__ == "__main__":
    if "networks" in sys.argv:
        report("networks_time", of_networks(), torch=version("torch"), timm=version("timm"))
        sys.exit()
    if torch.cuda.is_available():
        report("inference_gpu", on_gpu(), torch=version("torch"))
    table = [
        row
        for name in sys.argv[1:] or [NAME]
        for threads in (1, 2)
        for row in on_processor(name, threads)
    ]
    packages = [p for p in ("torch", "onnxruntime", "openvino") if find_spec(p)]
    report("inference", table, **{name: version(name) for name in packages})
