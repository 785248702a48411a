"""Whether a service is ready for others: asked of the service itself, never assumed after some time."""

import http.client
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

PROBE_TIMEOUT_S = 2

type Probe = str | Callable[[], bool] | None


def check_probe(probe: Probe) -> None:
    """Raise ``ValueError`` unless ``is_ready`` can ask it."""
    if isinstance(probe, str):
        parts = urlsplit(probe)
        if parts.scheme not in {"http", "tcp"} or not parts.hostname or not parts.port:
            raise ValueError(f"readiness is asked at http://host:port/path or tcp://host:port, not at {probe}")


def is_ready(probe: Probe) -> bool:
    """Ask once: an HTTP answer below 400, a TCP connection, or a function's word. Without a probe it is always ready."""
    if probe is None:
        return True
    if callable(probe):
        return probe()
    parts = urlsplit(probe)
    host, port = parts.hostname or "", parts.port or 0
    if parts.scheme == "tcp":
        try:
            socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S).close()
        except OSError:
            return False
        return True
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)  # urllib would go through proxies
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
