"""Where the service's log goes."""

from __future__ import annotations

import logging

from lsr.service.http.log_limit import LogLimit
from lsr.service.http.request_log import JsonFormatter, TextFormatter
from lsr.service.settings import ServiceSettings

# What uvicorn warns of, a request that it cannot read, is said by `Connection`, and with its reason.
_LOGGERS = {
    "lsr.service": logging.INFO,
    "uvicorn.error": logging.ERROR,
    "asyncio": logging.ERROR,
    "opentelemetry": logging.WARNING,
}


def log_to_stderr(settings: ServiceSettings) -> None:
    """Write the service's log lines to standard error, as the settings say."""
    text = TextFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    handler.addFilter(LogLimit())
    for name, level in _LOGGERS.items():
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.setLevel(level)
        target.propagate = False
    logging.getLogger("lsr.service.requests").disabled = settings.log_format == "off"
