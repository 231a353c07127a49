"""One file through the network: the part that the single file and the folder share."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.engine import Network, Siting, Upscaler
    from pocketsr.report import Report
    from pocketsr.sizing import Size

__all__ = ["Job"]


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

    def upscale(self, source: Path, target: Path | None, *, overwrite: bool, name: Path | None = None) -> Report:
        """An image or a video, by what the file holds. Raises UserError.

        A video's warnings that are known before the work are printed at once, and aren't in the report.

        Args:
            name: what to call the source where it stands in for a pipe.
        """
        from pocketsr.image import is_image_file

        if is_image_file(source):
            return self._image(source, target, overwrite, name or source)
        return self._video(source, target, overwrite, name or source)

    def _image(self, source: Path, target: Path | None, overwrite: bool, name: Path) -> Report:
        from pocketsr.image import upscale_image_file

        report = upscale_image_file(
            source, target, self.net, self.chroma("center"), size=self.size, name=self.name, overwrite=overwrite
        )
        if report.steps is not None:
            print(f"pocketsr: {harmless(name, 500)}: {report.steps}", file=sys.stderr)
        return report

    def _video(self, source: Path, target: Path | None, overwrite: bool, name: Path) -> Report:
        from tqdm import tqdm

        from pocketsr.video import VideoOptions, upscale_video

        net = self.net  # before the bar: it may have a line to say
        options = VideoOptions(codec=self.codec, crf=self.crf, preset=self.preset, threads=self.threads)
        said: set[str] = set()
        # disable=None: a bar on a terminal, silence in a pipe
        with tqdm(desc=source.name, unit=" frames", disable=None, file=sys.stderr, dynamic_ncols=True) as bar:

            def on_progress(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            def on_warning(line: str) -> None:
                said.add(line)
                words = harmless(line.replace(str(source), str(name)), 2000)
                bar.write(f"pocketsr: warning: {words}", file=sys.stderr)

            done = upscale_video(
                source,
                target,
                net,
                self.chroma,
                options,
                size=self.size,
                name=self.name,
                overwrite=overwrite,
                on_progress=on_progress,
                on_warning=on_warning,
                on_plan=lambda steps: bar.write(f"pocketsr: {harmless(name, 500)}: {steps}", file=sys.stderr),
            )
        return replace(done, warnings=[line for line in done.warnings if line not in said])
