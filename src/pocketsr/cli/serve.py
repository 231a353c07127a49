"""`pocketsr serve`: a page on this machine that shows a call before and behind the networks."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._extras import serve_extra
from pocketsr.cli._patience import note_after
from pocketsr.cli._size import add_size_arguments, asked_size
from pocketsr.cli._standing import StoppedBySignal
from pocketsr.errors import UserError

if TYPE_CHECKING:
    import asyncio

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "serve a page on this machine where a camera's picture goes through a call and comes back upscaled"

_TOKEN = "POCKETSR_TOKEN"
_PATIENCE_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8790, help="default: 8790; 0 takes a free one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1, which this machine alone can reach); for any other, requests "
        f"need a token: {_TOKEN} in the environment, else a new one that is printed",
    )
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="serve HTTPS with this certificate")
    parser.add_argument("--key", type=Path, metavar="PEM", help="the certificate's key")
    parser.add_argument(
        "--best",
        choices=("small", "tiny", "bicubic"),
        default="small",
        help="the best level of the networks (default: small)",
    )
    parser.add_argument("--fps", type=float, default=30, help="frames a second that are kept time for (default: 30)")
    parser.add_argument("--peers", type=int, default=4, help="calls at once (default: 4)")
    parser.add_argument("-j", "--threads", type=int, help="threads of the networks (default: all cores)")
    add_size_arguments(parser)


def run(args: argparse.Namespace) -> int:
    import asyncio
    import secrets

    with serve_extra():
        from pocketsr.serve import Limits, Networks, Settings, levels_up_to, serve
    if args.peers < 1:
        raise UserError(f"--peers {args.peers}: at least 1 is expected")
    if args.threads is not None and args.threads < 1:
        raise UserError(f"{args.threads} threads: at least 1 is expected")
    token = os.environ.get(_TOKEN) or None
    with contextlib.suppress(UserError):
        if token is None and not Settings(args.host, args.port, token="0" * 16).local:
            token = secrets.token_urlsafe(24)
    settings = Settings(
        args.host, args.port, token, args.certificate, args.key, asked_size(args), args.fps, args.threads,
        Limits(peers=args.peers),
    )  # fmt: skip
    settings.tls()  # what is wrong with its files is said before the networks are prepared
    stopped: list[int] = []

    def stop(ended: asyncio.Event) -> None:
        """Ends the loop in order, where the system lets it: Windows raises KeyboardInterrupt instead."""
        loop = asyncio.get_running_loop()

        def by(number: int) -> None:
            stopped.append(number)
            ended.set()

        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, by, number)

    def ready(address: str) -> None:
        print(f"open {address} in a browser; Ctrl-C ends it", flush=True)

    with note_after(_PATIENCE_S, "preparing the networks for this machine, the first time only"):
        networks = Networks(settings, levels_up_to(args.best))
    serve(settings, networks, ready, stop)
    if stopped and stopped[0] != signal.SIGINT:
        raise StoppedBySignal(stopped[0])
    if stopped:
        raise KeyboardInterrupt
    print("pocketsr: the server ended", file=sys.stderr)
    return 0
