"""Install what `make dist` built where nothing else is, and use it: `python tools/check_dist.py dist`.

The wheel goes into a virtual environment of its own, in a folder outside the checkout; then the networks are listed and
a small picture is upscaled. `build` makes the wheel from the sdist, so that is complete too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

__all__ = ["check"]

_PICTURE = """
from PIL import Image
Image.linear_gradient("L").resize((24, 16)).convert("RGB").save("small.png")
"""
_CHECK = """
import pocketsr
from PIL import Image
from pocketsr.webpage.site import FILES, page_file
assert all(page_file(name) for name in FILES)
assert Image.open("large.png").size == (48, 32)
assert "site-packages" in pocketsr.__file__, pocketsr.__file__
"""


def check(dist: Path) -> None:
    """Raises CalledProcessError or SystemExit for a wheel that doesn't work by itself."""
    wheels, sdists = sorted(dist.glob("*.whl")), sorted(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        raise SystemExit(f"{dist} holds {len(wheels)} wheels and {len(sdists)} sdists: one of each is expected")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["POCKETSR_CACHE"] = str(folder / "cache")
        python, pocketsr = str(programs / "python"), str(programs / "pocketsr")
        for command in (
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheels[0].resolve())],
            [pocketsr, "models"],
            [python, "-c", _PICTURE],
            [pocketsr, "upscale", "small.png", "-o", "large.png", "-m", "tiny"],
            [python, "-c", _CHECK],
        ):
            subprocess.run(command, cwd=folder, env=environment, check=True)
    print(f"{wheels[0].name} works by itself", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    check(Path(sys.argv[1]))
