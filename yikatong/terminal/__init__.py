"""The kit for venues: read a card or code, decide offline, keep taps, upload them. No Django."""

from yikatong.terminal.sdk import Presented, Terminal

__all__ = ["Presented", "Terminal"]
