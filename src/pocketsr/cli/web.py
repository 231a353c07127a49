"""`pocketsr web`: the page that enlarges pictures, videos and calls in a browser, on this machine or as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "show a page that enlarges pictures, videos and calls in the browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, help="where to listen on 127.0.0.1 (default: 8736, or a free one)")
    parser.add_argument("--open", action="store_true", help="open the page in the default browser")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="write the page into a folder, for any web server, and end"
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 0 to 65535 is expected; 0 takes a free port")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from pocketsr.names import harmless
    from pocketsr.webpage import serve, write_site

    if args.output is not None:
        write_site(args.output, progress=lambda line: print(line, file=sys.stderr))
        print(f"written: {harmless(args.output, 500)}; serve it over https, or on localhost")
        return 0
    with serve(args.port) as server:
        print(f"{server.address} shows the page; Ctrl-C ends it", flush=True)
        if args.open:
            import webbrowser

            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # how a server ends, and no mishap
            print("ended", file=sys.stderr)
    return 0
