"""The page that enlarges pictures, videos and calls in a browser: `serve` shows it, `write_site` makes files of it."""

from pocketsr.webpage.server import PageServer, serve
from pocketsr.webpage.site import NETWORKS, write_site

__all__ = ["NETWORKS", "PageServer", "serve", "write_site"]
