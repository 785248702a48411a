"""Running an asynchronous service from a command until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

import click


def run_until_told(serve: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run ``serve()``; a signal cancels it, which is a good end. Raises what ``serve`` raises."""

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio.run makes a task"
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await serve()
        except asyncio.CancelledError:
            click.echo("已停止")

    asyncio.run(run())
