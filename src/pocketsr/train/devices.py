"""What a run computes on."""

from __future__ import annotations

from lightning_fabric import Fabric

from pocketsr.errors import UserError
from pocketsr.train.parts import Hardware

__all__ = ["fabric_for"]


def fabric_for(hardware: Hardware) -> Fabric:
    """The devices that a recipe asks for. Raises UserError where this machine hasn't got them."""
    try:
        return Fabric(
            accelerator=hardware.accelerator, devices=hardware.devices, num_nodes=hardware.num_nodes,
            precision=hardware.precision, strategy="ddp" if hardware.processes > 1 else "auto",
        )  # fmt: skip
    except Exception as error:  # Fabric 2.6 has no class of its own for this: RuntimeError, ValueError, ImportError ..
        asked = f"{hardware.devices} x accelerator={hardware.accelerator}"
        why = " ".join(str(error).split())
        raise UserError(
            f"{asked} isn't available on this machine ({why}): take accelerator=cpu or fewer devices"
        ) from error
