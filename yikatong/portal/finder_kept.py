"""What was found lately, in memory: the same stations and hospitals are asked for by thousands, and a map takes time to draw.

Nothing of who asked is in it. A shared position is never a key.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from django.utils.safestring import SafeString

PAGES_MAX = 256
"""About 20 KB each."""
type Key = tuple[str, ...]


class KeptPages:
    """Pages by what they were asked with, the longest unasked dropped first; all of them when the data behind them change."""

    def __init__(self, pages_max: int) -> None:
        self._pages_max = pages_max
        self._lock = threading.Lock()
        self._made_from: tuple[object, ...] = ()
        self._pages: OrderedDict[Key, SafeString] = OrderedDict()

    def get(self, made_from: tuple[object, ...], key: Key, make: Callable[[], SafeString]) -> SafeString:
        """The kept page, or a new one. ``made_from``: the data; others than the last time, and nothing kept is used."""
        with self._lock:
            if not _are_same(self._made_from, made_from):
                self._pages.clear()
                self._made_from = made_from
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        page = make()
        with self._lock:
            if _are_same(self._made_from, made_from):
                self._pages[key] = page
                while len(self._pages) > self._pages_max:
                    self._pages.popitem(last=False)
        return page

    def forget(self) -> None:
        """Drop all of them."""
        with self._lock:
            self._pages.clear()


def _are_same(these: tuple[object, ...], those: tuple[object, ...]) -> bool:
    """The same objects, not equal ones."""
    return [id(one) for one in these] == [id(one) for one in those]


kept_places = KeptPages(PAGES_MAX)
