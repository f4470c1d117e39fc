"""A gateway's events as a process of its own, to be killed: ``python -m tests.events.gateway_process``.

Takes ``{"url", "nats"}`` as its argument, works off what is in the inbox, and prints the id of each event.
"""

from __future__ import annotations

import asyncio
import json
import sys

from sqlalchemy.engine import make_url

from resolvers.event_port import EventFilter
from tests.events.world import gateway_on


async def main() -> None:
    given = json.loads(sys.argv[1])
    async with gateway_on(make_url(given["url"]), nats=given["nats"], started=True, lease_s=1) as gateway:
        for worker in gateway.service.workers:
            worker.batch = 20
        async for event in gateway.service.events.follow(EventFilter(), None):
            print(event.id, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
