"""One file, or what comes through a pipe, through the network: the part that the single file and many share."""

from __future__ import annotations

import contextlib
import functools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._formats import PICTURES, STREAMS
from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.pipes import Inflow, Outflow

if TYPE_CHECKING:
    from pocketsr.engine import Network, Siting, Upscaler
    from pocketsr.frames import Span
    from pocketsr.report import Report
    from pocketsr.sizing import Size
    from pocketsr.video import Deinterlace, RawVideo, VideoFileSink, VideoFileSource

__all__ = ["Job"]

_BY_SUFFIX = {".y4m": "y4m", ".yuv": "raw", ".raw": "raw", ".mkv": "mkv", ".webm": "webm", ".ts": "ts"}
_SEEKING = (".mp4", ".m4v", ".mov", ".avi", ".3gp")  # whose head is written last


@dataclass(frozen=True)
class Job:
    """The options of the command line, and the network that they name, loaded when first asked for."""

    model: str
    weights: Path | None
    size: Size | None
    threads: int | None
    codec: str | None
    crf: float | None
    preset: str | None
    format: str | None = None
    raw: RawVideo | None = None
    span: Span | None = None
    deinterlace: Deinterlace | None = None
    compare: bool = False

    @functools.cached_property
    def net(self) -> Upscaler:
        from pocketsr.cli._networks import open_networks

        weights = [] if self.weights is None else [self.weights]
        (net,) = open_networks([self.model], weights, self.threads).values()
        return net

    @property
    def name(self) -> str:
        """Of the network, as a line for people says it."""
        return harmless(Path(self.model).stem)

    def chroma(self, siting: Siting) -> Network:
        from pocketsr.engine import load_chroma

        return load_chroma(scale=self.net.scale, siting=siting, threads=self.threads)

    def upscale(
        self, source: Path | Inflow, target: Path | Outflow | None, *, overwrite: bool, name: Path | None = None
    ) -> Report:
        """An image or a video, by what the file holds. Raises UserError, and BrokenPipeError where a reader went away.

        How the size is reached, and a video's warnings that are known before the work, are printed at once.

        Args:
            name: what to call the source where it stands in for a pipe.
        """
        if isinstance(source, Inflow):
            return self._video(source, target, overwrite, Path(source.name))
        from pocketsr.image import is_image_file

        if self.raw is None and is_image_file(source):
            return self._image(source, target, overwrite, name or source)
        return self._video(source, target, overwrite, name or source)

    def _image(self, source: Path, target: Path | Outflow | None, overwrite: bool, name: Path) -> Report:
        from pocketsr.image import upscale_image_file

        def upscaled(target: Path | None) -> Report:
            return upscale_image_file(
                source, target, self.net, self.chroma("center"),
                size=self.size, name=self.name, overwrite=overwrite, compare=self.compare,
            )  # fmt: skip

        if isinstance(target, Outflow):
            form = self.format or "png"
            if form not in PICTURES:
                raise UserError(f"--format {form} is for videos and {name} is an image: use png, jpg, webp or avif")
            with tempfile.TemporaryDirectory(prefix="pocketsr-") as folder:
                file = Path(folder) / f"picture.{form}"
                report = upscaled(file)
                target.write(file.read_bytes())
        else:
            report = upscaled(target)
        if report.steps is not None:
            print(f"pocketsr: {harmless(name, 500)}: {report.steps}", file=sys.stderr)
        return report

    def _video(
        self, source: Path | Inflow, target: Path | Outflow | None, overwrite: bool, name: Path
    ) -> Report:  # fmt: skip
        from tqdm import tqdm

        from pocketsr.video import VideoOptions, upscale_video

        net = self.net  # before the bar: it may have a line to say
        options = VideoOptions(codec=self.codec, crf=self.crf, preset=self.preset, threads=self.threads)
        said: set[str] = set()
        # disable=None: a bar on a terminal, silence in a pipe
        with (
            self._source(source, name) as opened,
            self._sink(target, opened) as sink,
            tqdm(desc=name.name, unit=" frames", disable=None, file=sys.stderr, dynamic_ncols=True) as bar,
        ):

            def on_progress(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            def on_warning(line: str) -> None:
                said.add(line)
                words = harmless(line.replace(str(source), str(name)), 2000)
                bar.write(f"pocketsr: warning: {words}", file=sys.stderr)

            done = upscale_video(
                opened,
                sink,
                net,
                self.chroma,
                options,
                size=self.size,
                name=self.name,
                overwrite=overwrite,
                on_progress=on_progress,
                on_warning=on_warning,
                span=self.span,
                deinterlace=self.deinterlace,
                beside=self.chroma("center") if self.compare else None,
                on_plan=lambda steps: bar.write(f"pocketsr: {harmless(name, 500)}: {steps}", file=sys.stderr),
            )
        return replace(done, warnings=[line for line in done.warnings if line not in said])

    @contextlib.contextmanager
    def _source(self, source: Path | Inflow, name: Path) -> Iterator[Path | VideoFileSource]:
        if isinstance(source, Path) and self.raw is None:
            yield source
            return
        from pocketsr.video import VideoFileSource

        path, pipe = (name, source) if isinstance(source, Inflow) else (source, None)
        with VideoFileSource(
            path, threads=self.threads, pipe=pipe, raw=self.raw, span=self.span, deinterlace=self.deinterlace
        ) as opened:
            yield opened

    @contextlib.contextmanager
    def _sink(
        self, target: Path | Outflow | None, source: Path | VideoFileSource
    ) -> Iterator[Path | VideoFileSink | None]:
        if not isinstance(target, Outflow):
            yield target
            return
        from pocketsr.video import VideoFileSink

        form = self.format or _like(source, target)
        if form not in STREAMS:
            choice = ", ".join(STREAMS)
            raise UserError(f"--format {form} can't go through a pipe, or is for pictures: use one of {choice}")
        options = {"codec": self.codec, "crf": self.crf, "preset": self.preset, "threads": self.threads}
        with VideoFileSink(Path(target.name), pipe=target, kind=STREAMS[form], **options) as sink:  # type: ignore[arg-type]
            yield sink


def _like(source: Path | VideoFileSource, target: Outflow) -> str:
    """The format for a pipe: by its name, else frames that came bare leave bare, and all else is Matroska."""
    suffix = Path(target.name).suffix.lower()
    if suffix in _SEEKING:
        raise UserError(f"{target.name}: {suffix[1:]} can't be written to a pipe: name it .mkv, or use --format mkv")
    named = _BY_SUFFIX.get(suffix)
    if named is not None or isinstance(source, Path):
        return named or "mkv"
    kind = source.reader.container.format.name
    return {"yuv4mpegpipe": "y4m", "rawvideo": "raw"}.get(kind, "mkv")
