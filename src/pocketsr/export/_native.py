"""C files to a shared and a static library, for this machine or another one, by the bundled compiler."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pocketsr.engine.codegen.target import Target, compiler_environment, zig
from pocketsr.engine.runtime.build import flags_for, library_suffix, linker, own_division, run_tool

__all__ = ["Workshop", "workshop"]

_ENTRY = "DllMainCRTStartup"  # where Windows enters a library; a network's own C brings one for a library without a CRT
_BESIDE = "pocketsr-beside.c"  # no network is called that: its name is an identifier
_ENTRY_C = f"""int {_ENTRY}(void *library, unsigned reason, void *reserved);
int {_ENTRY}(void *library, unsigned reason, void *reserved)
{{
    (void)library; (void)reason; (void)reserved;
    return 1;
}}
"""


@dataclass(frozen=True)
class Workshop:
    """A folder in which objects are made for one target. own: the compiler that CC names, for this machine alone."""

    folder: Path
    target: Target
    environment: dict[str, str]
    own: tuple[str, ...]

    @property
    def _is_windows(self) -> bool:
        return library_suffix(self.target) == ".dll"

    def objects(self, texts: Mapping[str, str], flags: Sequence[str] = ()) -> list[str]:
        """The object of each C file in `texts`, which holds headers too, by name.

        None has an entry of a Windows library: what a static library goes into has its own. Raises UserError with the
        compiler's first complaint.
        """
        for name, text in texts.items():
            (self.folder / name).write_text(text)
        return [self._object(Path(name), flags) for name in texts if name.endswith(".c")]

    def _object(self, source: Path, flags: Sequence[str]) -> str:
        clang = not self.own or "clang" in self.own[-1]
        words = [*(self.own or [*zig(), "cc"]), *flags_for(self.target, clang), *self.target.flags, *flags]
        if self._is_windows and source.name != _BESIDE:
            words.append(f"-D{_ENTRY}={source.stem}_entry")
        run_tool([*words, "-c", source.name, "-o", f"{source.stem}.o"], self.folder, self.environment)
        return f"{source.stem}.o"

    def shared(self, objects: Sequence[str], soname: str, words: Sequence[str] = ()) -> Path:
        """A shared library of `objects`, known as `soname`. words: more for the linker."""
        suffix = library_suffix(self.target)
        if self.own:
            known = [f"-Wl,-soname,{soname}"] if suffix == ".so" and sys.platform == "linux" else []
            command = [*self.own, "-shared", "-nostdlib", *known, *words, "-o", f"net{suffix}"]
        else:
            command = [*linker(self.target, (), soname), *words]
        # What a library has in place of a C runtime, and what a static one leaves to the program
        more = _ENTRY_C if self._is_windows else own_division(self.target)
        beside = self.objects({_BESIDE: more}) if more else []
        run_tool([*command, *objects, *beside], self.folder, self.environment)
        return self.folder / f"net{suffix}"

    def static(self, objects: Sequence[str]) -> Path:
        """A static library of `objects`: of the same bytes each time."""
        made = self.folder / "net.a"
        made.unlink(missing_ok=True)
        kind = ["--format=darwin"] if library_suffix(self.target) == ".dylib" else []
        run_tool([*zig(), "ar", *kind, "rcsD", made.name, *objects], self.folder, self.environment)
        return made


@contextmanager
def workshop(place: Path, target: Target) -> Iterator[Workshop]:
    """A `Workshop` for `target` in a folder of its own in `place`, which is gone at the end."""
    with tempfile.TemporaryDirectory(dir=place, prefix=".build-") as scratch:
        folder = Path(scratch)
        own = tuple(os.environ.get("CC", "").split()) if target.triple is None else ()
        yield Workshop(folder, target, compiler_environment(folder, target), own)
