"""``python -m yikatong.config`` is ``yikatong``."""

from yikatong.config.cli import main

main(prog_name="yikatong")
