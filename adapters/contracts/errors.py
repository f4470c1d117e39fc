"""What can go wrong between Fieldgate and a system: a small closed tree.

::

    SystemFault
    ├── Unreachable      never sent: no connection, no name, refused, circuit open
    ├── OutcomeUnknown   sent, and the answer was lost: timed out, dropped, 5xx
    ├── Throttled        refused for now: slow down (retry_after_s when the vendor says)
    ├── Rejected         understood and refused; the same request will be refused again
    ├── NotFound         there is no such record
    ├── Conflict         the record changed meanwhile, or two records claim one place
    ├── Unauthorised     our credentials are wrong, expired or lack a permission
    ├── Unsupported      the vendor has no way to do this; nothing was sent
    └── Malformed        the answer is not what the vendor's contract says

Each vendor has one table from its errors to these; the gateway has one table from these to the
public codes. Messages may reach callers: they name records and limits, never secrets or the
values of personal fields.
"""

from __future__ import annotations

from adapters.contracts.vocabulary import System


class SystemFault(Exception):
    """A call to a system did not give what was asked.

    vendor_code: the vendor's own error code.
    system:      the system at fault; the gateway fills it in, adapters do not know their role.
    """

    retryable = False
    system: System | None = None

    def __init__(self, message: str, *, vendor_code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.vendor_code = vendor_code


class Unreachable(SystemFault):
    """The request never reached the system."""

    retryable = True


class OutcomeUnknown(SystemFault):
    """The request was sent and the answer lost. A read may be tried again, a write must be reconciled."""

    retryable = True

    def __init__(self, message: str, *, vendor_code: str | None = None, timed_out: bool = False) -> None:
        super().__init__(message, vendor_code=vendor_code)
        self.timed_out = timed_out


class Throttled(SystemFault):
    """The system asks us to slow down. ``retry_after_s`` is None where it does not say for how long."""

    retryable = True

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, vendor_code: str | None = None
    ) -> None:
        super().__init__(message, vendor_code=vendor_code)
        self.retry_after_s = retry_after_s


class Rejected(SystemFault):
    """The system understood the request and refused it."""


class NotFound(SystemFault):
    """There is no such record."""


class Conflict(SystemFault):
    """The record changed meanwhile, or two records claim one place."""


class Unauthorised(SystemFault):
    """Our credentials are wrong, expired, or lack a permission."""


class Unsupported(SystemFault):
    """The vendor cannot do what was asked; nothing was sent."""


class Malformed(SystemFault):
    """The answer is not what the vendor's contract says."""


DEFAULT_BY_STATUS: dict[int, type[SystemFault]] = {
    401: Unauthorised,
    403: Unauthorised,
    404: NotFound,
    408: OutcomeUnknown,
    409: Conflict,
    412: Conflict,
    429: Throttled,
}
"""HTTP statuses that mean the same at every vendor, unless the vendor's table says otherwise."""


def fault_for_status(status: int) -> type[SystemFault]:
    """The fault an HTTP status stands for where a vendor's table has no better entry (400 and above)."""
    known = DEFAULT_BY_STATUS.get(status)
    if known is not None:
        return known
    return OutcomeUnknown if status >= 500 else Rejected
