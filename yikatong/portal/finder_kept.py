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
        self._made_from: object = None
        self._pages: OrderedDict[Key, SafeString] = OrderedDict()

    def get(self, made_from: object, key: Key, make: Callable[[], SafeString]) -> SafeString:
        """The kept page, or a new one. ``made_from``: the data; other than the last time, nothing kept is used."""
        with self._lock:
            if self._made_from is not made_from:
                self._pages.clear()
                self._made_from = made_from
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        page = make()
        with self._lock:
            if self._made_from is made_from:
                self._pages[key] = page
                while len(self._pages) > self._pages_max:
                    self._pages.popitem(last=False)
        return page

    def forget(self) -> None:
        """Drop all of them."""
        with self._lock:
            self._pages.clear()


kept_places = KeptPages(PAGES_MAX)
