"""The networks by name, and how each becomes an ONNX file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import onnx
import torch

from pocketsr.arguments import check_callable, check_text, check_type
from pocketsr.atomic_io import scratch_folder
from pocketsr.engine.onnx.told import STRENGTH
from pocketsr.errors import ArgumentError, PocketsrWarning, UserError, did_you_mean
from pocketsr.names import harmless
from pocketsr.nets.abpn import Abpn, AbpnConfig
from pocketsr.nets.base import SRNet
from pocketsr.nets.bicubic import BicubicConfig, BicubicNet
from pocketsr.nets.carn_m import CarnM, CarnMConfig
from pocketsr.nets.drcn import Drcn, DrcnConfig
from pocketsr.nets.ecbsr import Ecbsr, EcbsrConfig
from pocketsr.nets.espcn import Espcn, EspcnConfig
from pocketsr.nets.etds import Etds, EtdsConfig
from pocketsr.nets.fsrcnn import Fsrcnn, FsrcnnConfig
from pocketsr.nets.gated import Gated, GatedConfig
from pocketsr.nets.imdn import Imdn, ImdnConfig
from pocketsr.nets.lapsrn import Lapsrn, LapsrnConfig
from pocketsr.nets.pan import Pan, PanConfig
from pocketsr.nets.pocket import Pocket, PocketConfig
from pocketsr.nets.raisr import Raisr, RaisrConfig
from pocketsr.nets.refine import Refine, RefineConfig
from pocketsr.nets.rfdn import Rfdn, RfdnConfig
from pocketsr.nets.rnan import Rnan, RnanConfig
from pocketsr.nets.sesr import Sesr, SesrConfig
from pocketsr.nets.smfanet import Smfanet, SmfanetConfig
from pocketsr.nets.smsr import Smsr, SmsrConfig
from pocketsr.nets.srcnn import Srcnn, SrcnnConfig
from pocketsr.nets.srresnet import Srresnet, SrresnetConfig
from pocketsr.reparam import collapse

__all__ = ["build", "names", "register_network", "to_onnx"]

_REGISTERED: dict[str, tuple[Any, Callable[[Any], SRNet]]] = {
    "bicubic": (BicubicConfig(), BicubicNet),
    "pocket": (PocketConfig(), Pocket),
    "abpn-m4c28": (AbpnConfig(), Abpn),
    "abpn-m6c40": (AbpnConfig(blocks=6, features=40), Abpn),
    "carn-m": (CarnMConfig(), CarnM),
    "drcn": (DrcnConfig(), Drcn),
    "ecbsr-m4c16": (EcbsrConfig(), Ecbsr),
    "ecbsr-m4c32": (EcbsrConfig(features=32), Ecbsr),
    "ecbsr-m6c40": (EcbsrConfig(blocks=6, features=40), Ecbsr),
    "espcn": (EspcnConfig(), Espcn),
    "etds-l": (EtdsConfig(blocks=7, features=48), Etds),
    "etds-m": (EtdsConfig(blocks=6), Etds),
    "etds-s": (EtdsConfig(), Etds),
    "fsrcnn": (FsrcnnConfig(), Fsrcnn),
    "gated": (GatedConfig(), Gated),
    "imdn": (ImdnConfig(), Imdn),
    "lapsrn": (LapsrnConfig(), Lapsrn),
    "pan": (PanConfig(), Pan),
    "raisr": (RaisrConfig(), Raisr),
    "refine": (RefineConfig(), Refine),
    "rfdn": (RfdnConfig(), Rfdn),
    "rnan": (RnanConfig(), Rnan),
    "sesr-m11": (SesrConfig(blocks=11, expansion=64), Sesr),
    "sesr-m3": (SesrConfig(blocks=3), Sesr),
    "sesr-m5": (SesrConfig(), Sesr),
    "sesr-m7": (SesrConfig(blocks=7), Sesr),
    "sesr-xl": (SesrConfig(blocks=11, features=32, expansion=64), Sesr),
    "smfanet": (SmfanetConfig(), Smfanet),
    "smfanet-plus": (SmfanetConfig(blocks=12, width=48), Smfanet),
    "smsr": (SmsrConfig(), Smsr),
    "srcnn": (SrcnnConfig(), Srcnn),
    "srresnet": (SrresnetConfig(), Srresnet),
}
"""Of each network, the configuration to begin with and what makes it."""

_GROUP = "pocketsr.networks"  # entry points of other packages; each names a function that registers what it has
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def register_network(name: str, make: Callable[[Any], SRNet], config: msgspec.Struct) -> None:
    """Make a network of one's own known by `name`: to `-m`, recipes, the benches and `pocketsr.load`.

    name: small letters, digits, dots, dashes and underscores.
    make: builds the network (`SRNet`) of a configuration, with initial weights.
    config: the default configuration, a frozen msgspec.Struct; recipes override its fields.

    An installed package can register networks by an entry point in the group `pocketsr.networks` that names a
    function that calls this. Raises ArgumentError for a name that is in use or has other characters, and
    ArgumentTypeError for an argument of another type.
    """
    check_text(name, "name")
    check_callable(make, "make", "what makes a network of a configuration")
    check_type(config, msgspec.Struct, "config", "a msgspec.Struct")
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"network name {harmless(name)!r}: small letters, digits, dots, dashes and underscores are allowed"
        )
    if _REGISTERED.get(name, (config, make)) != (config, make):
        raise ArgumentError(f"a network '{name}' is registered already: choose another name")
    _REGISTERED[name] = (config, make)


@cache
def _ask_packages() -> None:
    """Networks that other packages register; one that fails is skipped with a warning."""
    for point in entry_points(group=_GROUP):
        try:
            point.load()()
        except Exception as error:  # whatever another package does, ours go on
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            line = f"networks of {harmless(point.value)} are left out: {harmless(reason)}"
            warnings.warn(line, PocketsrWarning, stacklevel=2)


def names() -> tuple[str, ...]:
    """Every registered network."""
    _ask_packages()
    return tuple(sorted(_REGISTERED))


def build(name: str, **overrides: Any) -> SRNet:
    """A network with fresh weights; `overrides` are fields of its configuration, as a recipe spells them.

    Raises UserError for an unknown name or field, or a value of the wrong type.
    """
    _ask_packages()
    if name not in _REGISTERED:
        close = did_you_mean(name, names())
        hint = f"; {close}" if close else ""
        raise UserError(f"no network '{name}': known are {', '.join(names())}{hint}")
    config, make = _REGISTERED[name]
    known = list(config.__struct_fields__)
    for key in overrides:
        if key not in known:
            close = did_you_mean(key, known)
            hint = f"; {close}" if close else ""
            raise UserError(f"network '{name}' has no setting '{key}': it has {', '.join(known) or 'none'}{hint}")
    try:
        return make(msgspec.convert(msgspec.to_builtins(config) | overrides, type(config)))
    except (msgspec.ValidationError, ValueError) as error:
        raise UserError(f"network '{name}': {error}") from error


def to_onnx(net: SRNet, path: Path) -> None:
    """Write the collapsed `net` as ONNX of opset 17, for images of any size, values 0..1; `net` stays as it is.

    One that is `conditioned` gets a second input, `strength`, of the shape [1].

    The file is complete or absent; what a killed process leaves, the next output in that folder sweeps.
    """
    small = collapse(net).eval()
    what = "luma" if net.channels == 1 else "rgb"
    source, result = what, f"{what}_x{net.scale}"
    sides = {2: "height", 3: "width"}
    given, names = [torch.zeros(1, net.channels, 32, 48)], [source]
    if net.conditioned:
        given.append(torch.full((1,), 0.5))
        names.append(STRENGTH)
    large = {axis: f"{name}_x{net.scale}" for axis, name in sides.items()}
    with scratch_folder(path.parent) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it leaves the cleaner graph
        file = scratch / path.name
        torch.onnx.export(
            small, tuple(given), file, input_names=names, output_names=[result],
            opset_version=17, dynamo=False, dynamic_axes={source: sides, result: large},
        )  # fmt: skip
        model = onnx.load(file)
        onnx.helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": what} | net.properties())
        onnx.checker.check_model(model)
        onnx.save(model, file)
        file.replace(path)
