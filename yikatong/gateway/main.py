"""Starting the gateway."""

import uvicorn

from yikatong.database.connection import database_url
from yikatong.gateway.app import make_app


def serve(host: str, port: int) -> None:
    """Serve until told to stop; open requests are finished first."""
    uvicorn.run(
        make_app(database_url()),
        host=host,
        port=port,
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
