"""The numbers of the engine: how often, how long, how many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

KEY_KEPT = timedelta(days=7)
"""How long after its end a command keeps its idempotency key."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How commands are worked off.

    workers:           attempts under way at once for each connection, at most what the connection allows.
    deadline:          how long a command is tried before it is dead.
    max_attempts:      how many attempts may end without an answer before it is dead. Attempts that are known
                       not to have arrived (unreachable, throttled, unauthorised) are not counted: a system
                       may be closed for hours.
    caller_deadline_s: how long a caller waits for a commitment.
    lease_s:           how long after its last sign of life a worker's commands go to another.
    attempt_s:         how long one attempt may take.
    poll_s:            how often the database is asked for what other processes left.
    base_s, cap_s:     of the exponential back-off of a command.
    pause_cap_s:       longest pause of a connection that was unreachable, or throttled without saying for
                       how long.
    drain_s:           how long attempts under way may take when the gateway stops.
    """

    workers: int = 10
    deadline: timedelta = timedelta(hours=24)
    max_attempts: int = 20
    caller_deadline_s: float = 5.0
    lease_s: float = 30.0
    attempt_s: float = 30.0
    poll_s: float = 0.5
    base_s: float = 0.2
    cap_s: float = 60.0
    pause_cap_s: float = 5.0
    drain_s: float = 10.0

    def back_off_s(self, tries: int, random: Random, cap_s: float | None = None) -> float:
        """Exponential with full jitter: between nothing and ``base_s`` doubled by every try but the first.

        At most ``cap_s``, the policy's own unless told.
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        cap_s = self.cap_s if cap_s is None else cap_s
        return random.uniform(0, min(cap_s, self.base_s * 2 ** min(tries - 1, 30)))

    def settle_in_s(self, tries: int, random: Random, cap_s: float | None = None) -> float:
        """Before a reading: at least half a back-off, because a lost request may still be under way."""
        cap_s = self.cap_s if cap_s is None else cap_s
        longest = min(cap_s, 2 * self.base_s * 2 ** min(tries - 1, 30))
        return random.uniform(longest / 2, longest)
