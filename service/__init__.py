"""The HTTP service: search, documents, encoding and explanations of one index."""

from lsr.service.app import create_app
from lsr.service.server import serve
from lsr.service.settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app", "serve"]
