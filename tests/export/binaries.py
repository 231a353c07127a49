"""What a loader reads of ELF and Mach-O files and of static libraries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["Elf", "archive_members", "macho_system"]

_AARCH64, _ARM, _X86_64 = 183, 40, 62
MACHINES = {_AARCH64: "aarch64", _ARM: "arm", _X86_64: "x86_64"}


@dataclass(frozen=True)
class Elf:
    """machine: its architecture. page: what segments are aligned to. undefined, defined: for other libraries."""

    machine: str
    page: int
    soname: str
    needed: list[str]
    undefined: set[str]
    defined: set[str]
    tags: set[int]

    @classmethod
    def read(cls, content: bytes) -> Elf:
        assert content[:4] == b"\x7fELF"
        wide = content[4] == 2
        machine = struct.unpack_from("<H", content, 18)[0]
        if wide:
            offset = struct.unpack_from("<Q", content, 32)[0]
            size, count = struct.unpack_from("<HH", content, 54)
        else:
            offset = struct.unpack_from("<I", content, 28)[0]
            size, count = struct.unpack_from("<HH", content, 42)
        loads, dynamic = [], (0, 0)
        for i in range(count):
            at = offset + i * size
            if wide:
                kind, _, start, address, _, bytes_, _, align = struct.unpack_from("<IIQQQQQQ", content, at)
            else:
                kind, start, address, _, bytes_, _, _, align = struct.unpack_from("<IIIIIIII", content, at)
            if kind == 1:
                loads.append((address, start, align))
            if kind == 2:
                dynamic = (start, bytes_)
        form = "<qQ" if wide else "<iI"
        entries = list(struct.iter_unpack(form, content[dynamic[0] : sum(dynamic)]))
        found = dict(entries)

        def place(address: int) -> int:
            base, start, _ = max(each for each in loads if each[0] <= address)
            return address - base + start

        strings = place(found[5])

        def text(at: int) -> str:
            return content[strings + at : content.index(b"\0", strings + at)].decode()

        symbols, each = place(found[6]), found[11]
        number = struct.unpack_from("<II", content, place(found[4]))[1]  # chains of the old hash table
        undefined: set[str] = set()
        defined: set[str] = set()
        for i in range(1, number):
            if wide:
                name, _, _, section = struct.unpack_from("<IBBH", content, symbols + i * each)
            else:
                name, _, _, _, _, section = struct.unpack_from("<IIIBBH", content, symbols + i * each)
            (defined if section else undefined).add(text(name))
        return cls(
            MACHINES[machine],
            min(align for *_, align in loads),
            text(found[14]),
            [text(value) for tag, value in entries if tag == 1],
            undefined,
            defined,
            {tag for tag, _ in entries},
        )


def macho_system(content: bytes) -> tuple[int, int, str]:
    """The processor's type, the platform (1 macOS, 2 iOS, 7 its simulator) and the oldest system of a Mach-O file."""
    magic, cpu, _, _, commands = struct.unpack_from("<IIIII", content)
    assert magic == 0xFEEDFACF
    at = 32
    for _ in range(commands):
        kind, size = struct.unpack_from("<II", content, at)
        if kind == 0x32:  # LC_BUILD_VERSION
            platform, oldest = struct.unpack_from("<II", content, at + 8)
            return cpu, platform, f"{oldest >> 16}.{oldest >> 8 & 255}"
        at += size
    raise AssertionError("no LC_BUILD_VERSION")


def archive_members(content: bytes) -> dict[str, bytes]:
    """Objects of a static library as macOS has them (long names before the content)."""
    assert content[:8] == b"!<arch>\n"
    found, at = {}, 8
    while at < len(content):
        name, size = content[at : at + 16].decode().strip(), int(content[at + 48 : at + 58])
        body = content[at + 60 : at + 60 + size]
        if name.startswith("#1/"):
            length = int(name[3:])
            name, body = body[:length].rstrip(b"\0").decode(), body[length:]
        found[name] = body
        at += 60 + size + size % 2
    return found
