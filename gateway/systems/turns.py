"""A budget of calls at once that callers share fairly: each waits behind its own, not others'."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from gateway.limits.caller import current_caller


class FairTurns:
    """Like a semaphore: ``await turns.turn()``, and ``turns.done()`` whatever came of it.

    Who waits is in the queue of its caller, and turns go round the queues. A caller with a thousand calls
    waiting so delays another one's next call by one turn.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many calls wait, of all callers."""
        return sum(len(queue) for queue in self._queues.values())

    def take(self) -> bool:
        """A turn, where one is free: nobody waits then."""
        if self._free > 0:
            self._free -= 1
            return True
        return False

    async def turn(self) -> None:
        """Waits until a call may be made."""
        if self.take():
            return
        turn = asyncio.get_running_loop().create_future()
        caller = current_caller.get()
        self._queues.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came in the moment in which it was given up.
                self.done()
            else:
                self._forget(caller, turn)
            raise

    def done(self) -> None:
        """Gives the turn to who waits next."""
        while self._queues:
            caller, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[caller] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[caller]
