"""The kit for venues: read a card or code, decide offline, keep taps, upload them. No Django."""

from yikatong.terminal.decide import Accepted, Decision, Refused
from yikatong.terminal.sdk import Terminal

__all__ = ["Accepted", "Decision", "Refused", "Terminal"]
