"""What a caller is told who asked for too much."""

from __future__ import annotations

from resolvers.errors import Code, GraphFault


class TooComplex(GraphFault):
    """QUERY_TOO_COMPLEX: which limit it is, how much was asked for, and how much may be.

    ``value`` is where counting stopped, if it is not worth counting to the end.
    """

    def __init__(self, limit: str, value: float, maximum: float) -> None:
        super().__init__(Code.QUERY_TOO_COMPLEX, f"{limit}: {_shown(value)} of at most {_shown(maximum)}")
        assert self.extensions is not None
        self.extensions |= {"limit": limit, "value": value, "maximum": maximum}


def _shown(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


class RateLimited(GraphFault):
    """RATE_LIMITED: the caller may come again, after ``retry_after_s`` where that can be said."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(Code.RATE_LIMITED, message, retryable=True)
        self.retry_after_s = retry_after_s
