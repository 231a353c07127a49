"""One file, or what comes through a pipe, through the network: the part that the single file and many share."""

from __future__ import annotations

import functools
import sys
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._bar import frames_bar, say
from pocketsr.cli._choosing import looked, network_of, settled
from pocketsr.cli._codec_aware import in_parts
from pocketsr.cli._ends import Source, animates, sink_of, source_of
from pocketsr.cli._formats import PICTURES
from pocketsr.cli._networks import AUTO, USUAL
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE, shape_decides
from pocketsr.names import harmless
from pocketsr.pipes import Inflow, Outflow

if TYPE_CHECKING:
    from pocketsr.engine import Network, Siting, Upscaler
    from pocketsr.frames import Span
    from pocketsr.report import Report
    from pocketsr.sizing import Size
    from pocketsr.source import Seen
    from pocketsr.video import Address, Deinterlace, Part, RawVideo
    from pocketsr.video.segments import Maker

__all__ = ["Job"]

# Options that segments of a video know of: whatever else is asked for, a video is made in one pass.
_OF_SEGMENTS = (
    "model",
    "strength",
    "line",
    "weights",
    "size",
    "threads",
    "codec",
    "crf",
    "preset",
    "format",
    "cores",
    "maker",
    "net_threads",
)


@dataclass(frozen=True)
class Job:
    """The options of the command line, and the network that they name, loaded when first asked for.

    model: AUTO chooses it file by file. strength: of the source's degradation, for networks that are told one.
    line: says what was chosen, when the work has begun; empty where the way to the size says it.
    address: what is read in place of a file. cores: as for `VideoOptions`. maker: as for `upscale_in_segments`; it has
    a progress display of its own. net_threads: of the network, where it has other than `threads`. budget_ms: as of
    `Adaptive`. codec_aware: `in_parts` then finds the parts of a video, and what all their networks are called.
    """

    model: str
    weights: Path | None
    size: Size | None
    threads: int | None
    codec: str | None
    crf: float | None
    preset: str | None
    format: str | None = None
    raw: RawVideo | None = None
    cores: int | None = None
    maker: Maker | None = None
    address: Address | None = None
    net_threads: int | None = None
    span: Span | None = None
    deinterlace: Deinterlace | None = None
    compare: bool = False
    strength: float | None = None
    line: str | None = None
    budget_ms: float | None = None
    codec_aware: bool = False
    parts: tuple[Part, ...] = ()
    called: str | None = None

    @property
    def _plain(self) -> bool:
        """Whether nothing is asked for but what segments of a video know of."""
        return all(getattr(self, each.name) == each.default for each in fields(self) if each.name not in _OF_SEGMENTS)

    @functools.cached_property
    def net(self) -> Upscaler:
        from pocketsr.engine import takes_strength

        net: Upscaler
        if self.budget_ms is not None and self.weights is None:
            from pocketsr.adaptive import open_adaptive

            net = open_adaptive(threads=self.net_threads or self.threads, budget_ms=self.budget_ms)
        else:
            net = network_of(self)
        if self.strength is not None and not takes_strength(net):
            raise UserError(f"--strength is for networks that are told one, and {self.name} takes none: leave it out")
        return net

    def check(self) -> None:
        """Raise UserError for a network that can't be loaded: one error, not one a file."""
        if self._by_shape:
            return  # those that ship
        if self.model != AUTO:
            self.net  # noqa: B018
        elif self.weights is not None:  # as if the one were named that is taken where nothing speaks for another
            replace(self, model=USUAL).check()

    @property
    def _by_shape(self) -> bool:
        """Whether the source's shape says which network of the family that is named serves the size best."""
        return self.weights is None and shape_decides(self.model, self.size)

    @property
    def looks(self) -> bool:
        """Whether a source has to be looked at first: to choose a network, or for the strength that it is told."""
        from pocketsr.engine import takes_strength

        if self.model == AUTO or self._by_shape:
            return True
        return self.strength is None and takes_strength(self.net)

    @property
    def name(self) -> str:
        """Of the network, as a line for people says it."""
        return self.called or harmless(Path(self.model).stem)

    @functools.cached_property
    def key(self) -> str:
        """Tells the network from others, by what its files hold."""
        from pocketsr.loading import key_of

        own = key_of(self.model, self.weights)
        return own if self.strength is None else f"{own} at {self.strength}"

    def chroma(self, siting: Siting) -> Network:
        from pocketsr.engine import load_chroma

        scale = DEFAULT_SCALE if self.model == AUTO or self._by_shape else self.net.scale
        return load_chroma(scale=scale, siting=siting, threads=self.net_threads or self.threads)

    def upscale(
        self, source: Path | Inflow, target: Path | Outflow | None, *, overwrite: bool, name: Path | None = None
    ) -> Report:
        """An image or a video, by what the file holds. Raises UserError, and BrokenPipeError where a reader went away.

        How the size is reached, and a video's warnings that are known before the work, are printed at once.

        Args:
            name: what to call the source where it stands in for a pipe.
        """
        self.check()
        if isinstance(source, Inflow):
            return self._video(source, target, overwrite, Path(source.name))
        from pocketsr.image import is_animation, is_image_file

        if self.raw is None and self.address is None and is_image_file(source):
            if is_animation(source):
                return self._video(source, target, overwrite, name or source, animation=True)
            return self._image(source, target, overwrite, name or source)
        return self._video(source, target, overwrite, name or source)

    def _image(self, source: Path, target: Path | Outflow | None, overwrite: bool, name: Path) -> Report:
        from pocketsr.image import Chosen, upscale_image_file

        def choose(seen: Seen) -> Chosen:
            job = settled(self, seen, name)
            chosen = Chosen(job.net, job.chroma("center"), job.name, job.strength)
            if job.line:  # not before: an error is one line alone
                say(job.line)
            return chosen

        def upscaled(target: Path | None) -> Report:
            return upscale_image_file(
                source, target, None if self.looks else self.net, self.chroma("center"),
                size=self.size, name=self.name, overwrite=overwrite, compare=self.compare, strength=self.strength,
                choose=choose,
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
        self, source: Path | Inflow, target: Path | Outflow | None, overwrite: bool, name: Path,
        animation: bool = False,
    ) -> Report:  # fmt: skip
        to_animation = animates(self, source, target, animation)
        bare = not isinstance(source, Path) or self.raw is not None or self.address is not None
        look = in_parts if self.codec_aware and not animation else looked
        job = look(self, source, name) if isinstance(source, Path) and not bare and self.looks else self
        with source_of(job, source, name, not to_animation if animation else None) as opened:
            if bare and job.looks:
                from pocketsr.video import VideoFileSource
                from pocketsr.video.looking import look_at_opened

                assert isinstance(opened, VideoFileSource)
                job = settled(job, look_at_opened(opened), name)
            return job._made(opened, source, target, overwrite, name, to_animation)

    def _made(
        self, opened: Source, source: Path | Inflow, target: Path | Outflow | None, overwrite: bool, name: Path,
        to_animation: bool,
    ) -> Report:  # fmt: skip
        from pocketsr.video import VideoOptions, upscale_video

        net = self.net  # before the bar: it may have a line to say
        options = VideoOptions(self.codec, self.crf, self.preset, self.threads, self.cores)
        said: set[str] = set()
        with (
            sink_of(
                self, target, opened, overwrite, source if isinstance(source, Path) else name, to_animation
            ) as sink,
            frames_bar(name.name, hidden=self.maker is not None) as bar,
        ):

            def on_progress(done: int, total: int | None) -> None:
                if self.line and self.line not in said:  # not before: an error is one line alone
                    said.add(self.line)
                    bar.write(self.line, file=sys.stderr)
                bar.total = total
                bar.update(done - bar.n)

            def on_warning(line: str) -> None:
                said.add(line)
                words = harmless(line.replace(str(source), str(name)), 2000)
                bar.write(f"pocketsr: warning: {words}", file=sys.stderr)

            def on_plan(steps: str) -> None:
                bar.write(f"pocketsr: {harmless(name, 500)}: {steps}", file=sys.stderr)

            made = None
            if source is name and isinstance(opened, Path) and isinstance(sink, Path) and self._plain:
                from pocketsr.video.segments import Listeners, upscale_in_segments

                listeners = Listeners(on_progress, on_warning, on_plan, on_plan)
                made = upscale_in_segments(
                    opened, sink, net, self.chroma, options,
                    network=self.key, size=self.size, name=self.name, overwrite=overwrite, listeners=listeners,
                    maker=self.maker, strength=self.strength,
                )  # fmt: skip
            done = made or upscale_video(
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
                on_plan=on_plan,
                strength=self.strength,
                parts=self.parts,
            )
        others = [line for end in (opened, sink) if not isinstance(end, Path | None) for line in end.warnings]
        lines = dict.fromkeys([*done.warnings, *others])
        return replace(done, warnings=[line for line in lines if line not in said])
