"""The worker process: procrastinate over the same database.

A job whose worker was killed is found again: every worker gives signs of life, and a job of one that has gone quiet is put
back in the queue. Every task of ours may be run twice, so putting back is always right.
"""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

from procrastinate import App
from procrastinate.contrib.django import app

log = logging.getLogger(__name__)
CONCURRENCY = 2
LOOK_FOR_STALLED_EVERY_S = 5.0
STALLED_AFTER_S = 15.0
HEARTBEAT_EVERY_S = 5.0


def run_worker() -> None:
    """Work until told to stop; running jobs are finished first."""
    asyncio.run(_work())


async def _work() -> None:
    worker_app = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with worker_app.open_async():
        watcher = asyncio.create_task(_put_back_stalled(worker_app))
        try:
            await worker_app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=HEARTBEAT_EVERY_S,
                stalled_worker_timeout=STALLED_AFTER_S,
                install_signal_handlers=True,
            )
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher


async def _put_back_stalled(worker_app: App) -> None:
    manager = worker_app.job_manager
    while True:
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
            log.warning("putting back job %s (%s): its worker has gone", job.id, job.task_name)
            await manager.retry_job(job, retry_at=datetime.now(UTC) + timedelta(seconds=0))
        await asyncio.sleep(LOOK_FOR_STALLED_EVERY_S)
