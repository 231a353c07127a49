"""`python -m pocketsr VERB ...`: the command `pocketsr`, of the very Python that runs it."""

from __future__ import annotations

import sys

from pocketsr.cli import main

if __name__ == "__main__":
    sys.exit(main())
