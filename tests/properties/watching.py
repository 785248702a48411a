"""Which names a page reads from its address and form: a page that reads none of them answers the same whatever they say."""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase

MIDDLEWARE = f"{__name__}.WatchReads"


class WatchedQuery(QueryDict):
    """A query that notes in ``reads`` every name somebody looks for, there or not; who reads all of it reads every name."""

    reads: set[str]

    @classmethod
    def of(cls, query: QueryDict) -> "WatchedQuery":
        """The same names and values, nothing read yet."""
        watched = cls(mutable=True)
        watched.reads = set()
        for name, values in query.lists():
            watched.setlist(name, values)
        watched._mutable = False
        watched.reads = set()
        return watched

    def __getitem__(self, name: str) -> Any:
        self.reads.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.reads.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._reads_all()
        return super().__iter__()

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self.reads.add(name)
        return super().get(name, default)

    def getlist(self, name: str, default: Any = None) -> Any:
        """All values of one name."""
        self.reads.add(name)
        return super().getlist(name, default)

    def keys(self) -> Any:
        """All names."""
        self._reads_all()
        return super().keys()

    def values(self) -> Any:
        """All last values."""
        self._reads_all()
        return super().values()

    def items(self) -> Any:
        """All names with their last values."""
        self._reads_all()
        return super().items()

    def lists(self) -> Any:
        """All names with all values."""
        self._reads_all()
        return super().lists()

    def copy(self) -> Any:
        """One that may be changed, and that nobody watches."""
        self._reads_all()
        copied = QueryDict(mutable=True, encoding=self.encoding)
        for name, values in super().lists():
            copied.setlist(name, list(values))
        return copied

    def urlencode(self, safe: str | None = None) -> str:
        """As it stands in an address."""
        return str(self.copy().urlencode(safe))

    def _reads_all(self) -> None:
        self.reads |= set(super().keys())


class WatchReads:
    """The innermost middleware: what pages read, not what the others on the way to them do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        _ = request.body  # read first: Django lets a page have it beside the form only then
        request.GET, request.POST = WatchedQuery.of(request.GET), WatchedQuery.of(request.POST)  # type: ignore[assignment]
        return self._get_response(request)


def read_by(answer: HttpResponseBase) -> set[str]:
    """The names that the page read for this answer of the test client."""
    request: HttpRequest = answer.wsgi_request  # type: ignore[attr-defined]
    watched = [query for query in (request.GET, request.POST) if isinstance(query, WatchedQuery)]
    return {name for query in watched for name in query.reads}
