"""One file, or what comes through a pipe, through the network: the part that the single file and many share."""

from __future__ import annotations

import contextlib
import functools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pocketsr.cli._bar import frames_bar, say
from pocketsr.cli._choosing import looked, network_of, settled
from pocketsr.cli._codec_aware import in_parts
from pocketsr.cli._formats import ANIMATED, PICTURES, STREAMS, piped_format
from pocketsr.cli._live import ends_at_ctrl_c
from pocketsr.cli._networks import AUTO, USUAL
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE, has_scales
from pocketsr.names import harmless
from pocketsr.pipes import Inflow, Outflow

if TYPE_CHECKING:
    from pocketsr.engine import Network, Siting, Upscaler
    from pocketsr.frames import Span
    from pocketsr.image.animation import AnimationSink, AnimationSource
    from pocketsr.report import Report
    from pocketsr.sizing import Size
    from pocketsr.source import Seen
    from pocketsr.video import Address, Deinterlace, Part, RawVideo, VideoFileSink, VideoFileSource
    from pocketsr.video.segments import Maker

__all__ = ["Job"]

Source: TypeAlias = "Path | VideoFileSource | AnimationSource"
Sink: TypeAlias = "Path | VideoFileSink | AnimationSink | None"

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
    line: says what was chosen, when the work has begun.
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

        if self.budget_ms is not None and self.weights is None:
            from pocketsr.adaptive import open_adaptive

            return open_adaptive(threads=self.net_threads or self.threads, budget_ms=self.budget_ms)

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
        return self.size is not None and self.size.factor is None and self.weights is None and has_scales(self.model)

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
            if job.line is not None:
                say(job.line)
            return Chosen(job.net, job.chroma("center"), job.name, job.strength)

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
        animates = self._animates(source, target, animation)
        bare = not isinstance(source, Path) or self.raw is not None or self.address is not None
        look = in_parts if self.codec_aware and not animation else looked
        job = look(self, source, name) if isinstance(source, Path) and not bare and self.looks else self
        with job._source(source, name, not animates if animation else None) as opened:
            if bare and job.looks:
                from pocketsr.video import VideoFileSource
                from pocketsr.video.looking import look_at_opened

                assert isinstance(opened, VideoFileSource)
                job = settled(job, look_at_opened(opened), name)
            return job._made(opened, source, target, overwrite, name, animates)

    def _made(
        self, opened: Source, source: Path | Inflow, target: Path | Outflow | None, overwrite: bool, name: Path,
        animates: bool,
    ) -> Report:  # fmt: skip
        from pocketsr.video import VideoOptions, upscale_video

        net = self.net  # before the bar: it may have a line to say
        options = VideoOptions(self.codec, self.crf, self.preset, self.threads, self.cores)
        said: set[str] = set()
        with (
            self._sink(target, opened, overwrite, source if isinstance(source, Path) else name, animates) as sink,
            frames_bar(name.name, hidden=self.maker is not None) as bar,
        ):

            def on_progress(done: int, total: int | None) -> None:
                if self.line is not None and self.line not in said:  # not before: an error is one line alone
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

    @contextlib.contextmanager
    def _source(self, source: Path | Inflow, name: Path, flat: bool | None) -> Iterator[Source]:
        """flat: of an animated picture, whether it is to be opaque; None: the source is none."""
        if isinstance(source, Path) and flat is not None:
            from pocketsr.image.animation import AnimationSource

            with AnimationSource(source, flat=flat, span=self.span, size=self.size, scale=self.net.scale) as animation:
                yield animation
            return
        if isinstance(source, Path) and self.raw is None and self.address is None:
            yield source
            return
        with self.opened(source, name) as opened:
            if self.address is None:
                yield opened
                return
            with ends_at_ctrl_c(opened):
                yield opened

    def opened(self, source: Path | Inflow, name: Path) -> VideoFileSource:
        """The frames of a file, of what comes through a pipe, or of the address."""
        from pocketsr.video import VideoFileSource

        path, pipe = (name, source) if isinstance(source, Inflow) else (source, None)
        return VideoFileSource(
            path, threads=self.threads, pipe=pipe, raw=self.raw, address=self.address, span=self.span,
            deinterlace=self.deinterlace,
        )  # fmt: skip

    @contextlib.contextmanager
    def _sink(
        self, target: Path | Outflow | None, source: Source, overwrite: bool, name: Path, animates: bool
    ) -> Iterator[Sink]:  # fmt: skip
        if animates and target is not None:
            with self._animation(target, source, overwrite, name) as animation:
                yield animation
            return
        from pocketsr.video import VideoFileSink, VideoFileSource

        encoder = {"codec": self.codec, "crf": self.crf, "preset": self.preset, "threads": self.threads}
        options: dict[str, Any] = encoder
        if not isinstance(source, Path | VideoFileSource):  # an animated picture: as players take it
            options = {**encoder, "pix_fmt": "yuv420p"}
            if not isinstance(target, Outflow):
                with VideoFileSink(target, overwrite=overwrite, **options) as sink:
                    yield sink
                return
        if not isinstance(target, Outflow):
            yield target
            return
        form = self.format or piped_format(source, target)
        if form not in STREAMS:
            choice = ", ".join(STREAMS)
            raise UserError(f"--format {form} can't go through a pipe, or is for pictures: use one of {choice}")
        with VideoFileSink(Path(target.name), pipe=target, kind=STREAMS[form], **options) as sink:
            yield sink

    @contextlib.contextmanager
    def _animation(
        self, target: Path | Outflow, source: Source, overwrite: bool, name: Path
    ) -> Iterator[AnimationSink]:  # fmt: skip
        from pocketsr.image.animation import AnimationSink, AnimationSource

        for option in ("codec", "crf", "preset"):
            if getattr(self, option) is not None:
                raise UserError(f"--{option} is for videos, and {target.name} is an animated picture: leave it out")
        like = source if isinstance(source, AnimationSource) else None
        plays, lossy = (like.plays, like.lossy) if like else (0, True)
        with tempfile.TemporaryDirectory(prefix="pocketsr-") if isinstance(target, Outflow) else _no_folder() as folder:
            file = Path(folder) / f"animation.{self.format or 'gif'}" if isinstance(target, Outflow) else target
            with AnimationSink(file, source=name, plays=plays, lossy=lossy, overwrite=overwrite) as sink:
                yield sink
            if isinstance(target, Outflow):
                target.write(file.read_bytes())

    def _animates(self, source: Path | Inflow, target: Path | Outflow | None, animation: bool) -> bool:
        """Whether the output is an animated picture. Raises UserError where it is a still one that holds no frames."""
        from pocketsr.image import ANIMATION_SUFFIXES, IMAGE_SUFFIXES

        if isinstance(target, Outflow):
            named = self.format if self.format is not None else "gif" if animation else None
            return named in ANIMATED and (animation or named != "png")
        if target is None:
            return False
        suffix = target.suffix.lower()
        if suffix in ANIMATION_SUFFIXES and (animation or suffix != ".png"):
            return True
        if animation and suffix in IMAGE_SUFFIXES:
            raise UserError(
                f"{source} is animated, and {target.name} would hold one picture: use .gif, .webp, .png, .avif or .mp4"
            )
        return False


@contextlib.contextmanager
def _no_folder() -> Iterator[str]:
    yield ""
