"""Commands from acceptance to outcome, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from adapters.contracts.vocabulary import InvoiceStatus
from adapters.contracts.writes import Verb
from gateway.commands.audit import entries
from resolvers.command_port import CommandQuery, KeyReused, WrongState
from schema.enums import CommandStatus
from tests.commands.world import POLICY, Fate, Reading, new, world_on

pytestmark = pytest.mark.anyio

POST = Verb.POST_INVOICE


async def test_a_commitment_is_done_when_it_is_answered(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        command = await engine.submit(new(changes={"status": InvoiceStatus.OPEN, "phone": None}))
        assert command.status is CommandStatus.SUCCEEDED
        assert (command.result_id, command.fault, command.next_attempt_at) == ("result-of-1", None, None)
        assert [(each.number, each.outcome, each.error) for each in command.attempts] == [
            (1, "SUCCEEDED", None)
        ]
        assert command == await engine.get(command.id)
        [write] = world.systems["crm"].sent
        assert write.changes == {"status": InvoiceStatus.OPEN, "phone": None}
        assert command.id in write.key
        assert len(write.key) <= 64


async def test_finalisation_is_accepted_at_once_and_worked_off_later(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        command = await engine.submit(new(POST))
        assert (command.status, command.attempts) == (CommandStatus.ACCEPTED, [])
        assert world.systems["erp"].sent == []
        assert await world.work(engine) == 1
        done = await engine.get(command.id)
        assert done is not None
        assert done.status is CommandStatus.SUCCEEDED


async def test_the_same_key_gives_the_same_command(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        assert await engine.known(Verb.UPDATE_CUSTOMER, "k") is None
        first = await engine.submit(new(idempotency_key="k"))
        again = await engine.submit(new(idempotency_key="k", correlation_id="other", requested_by="bob"))
        assert again == first == await engine.known(Verb.UPDATE_CUSTOMER, "k")
        other_verb = await engine.submit(new(Verb.CANCEL_SUBSCRIPTION, idempotency_key="k"))
        assert other_verb.id != first.id
        with pytest.raises(KeyReused):
            await engine.submit(new(idempotency_key="k", fingerprint="different"))
        assert len(world.systems["crm"].sent) == 1


async def test_a_key_is_free_seven_days_after_the_end(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        first = await engine.submit(new(idempotency_key="k"))
        world.clock.advance(7 * 86_400 - 1)
        assert (await engine.submit(new(idempotency_key="k"))).id == first.id
        world.clock.advance(1)
        assert await engine.known(Verb.UPDATE_CUSTOMER, "k") is None
        second = await engine.submit(new(idempotency_key="k", fingerprint="different"))
        assert second.id != first.id
        assert await engine.get(first.id) == first
        assert (await engine.submit(new(idempotency_key="k", fingerprint="different"))).id == second.id


async def test_one_key_submitted_many_times_at_once_is_one_command(database_url: URL) -> None:
    async with world_on(database_url, replace(POLICY, caller_deadline_s=0.0)) as (world, engine):
        other = await world.engine()
        commands = await asyncio.gather(
            *(
                each.submit(new(idempotency_key="k", record_id=str(at // 5)))
                for at, each in enumerate([engine, other] * 5)
            )
        )
        await asyncio.gather(engine.worker.idle(), other.worker.idle())
        assert len({command.id for command in commands}) == 1
        assert len(world.systems["crm"].sent) == 1


async def test_a_repeated_key_waits_for_the_command_under_way(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["crm"]
        system.gate = asyncio.Event()
        first = asyncio.create_task(engine.submit(new(idempotency_key="k")))
        await system.at_gate.acquire()
        second = asyncio.create_task(engine.submit(new(idempotency_key="k")))
        system.gate.set()
        assert (await first).status is (await second).status is CommandStatus.SUCCEEDED
        assert len(system.sent) == 1


async def test_a_caller_is_answered_in_time_and_the_command_carried_on(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["crm"]
        system.gate = asyncio.Event()
        asking = asyncio.create_task(engine.submit(new()))
        await system.at_gate.acquire()
        world.clock.advance(5)
        command = await asking
        assert command.status is CommandStatus.RUNNING
        assert command.attempts[0].outcome is None
        system.gate.set()
        await engine.worker.idle()
        done = await engine.get(command.id)
        assert done is not None
        assert done.status is CommandStatus.SUCCEEDED


async def test_a_caller_who_goes_away_leaves_the_command_running(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["crm"]
        system.gate = asyncio.Event()
        asking = asyncio.create_task(engine.submit(new(idempotency_key="k")))
        await system.at_gate.acquire()
        asking.cancel()
        await asyncio.wait({asking})
        system.gate.set()
        assert (await engine.submit(new(idempotency_key="k"))).status is CommandStatus.SUCCEEDED
        assert len(system.sent) == 1


@pytest.mark.parametrize("fate", [Fate.REJECTED, Fate.NOT_FOUND, Fate.CONFLICT])
async def test_a_refusal_ends_it(database_url: URL, fate: Fate) -> None:
    async with world_on(database_url) as (world, engine):
        world.systems["crm"].fates.append(fate)
        command = await engine.submit(new())
        assert command.status is CommandStatus.REJECTED
        assert command.fault == {Fate.REJECTED: "Rejected", Fate.NOT_FOUND: "NotFound"}.get(fate, "Conflict")
        assert command.attempts[0].error == f"{command.fault}: {command.message}"
        assert await world.work(engine, 86_400) == 0


async def test_what_the_vendor_cannot_do_is_never_sent(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        command = await engine.submit(new(Verb.PAUSE_SUBSCRIPTION))
        assert (command.status, command.fault) == (CommandStatus.REJECTED, "Unsupported")
        assert world.systems["billing"].sent == []


@pytest.mark.parametrize("fate", [Fate.UNREACHABLE, Fate.THROTTLED, Fate.UNAUTHORISED])
async def test_what_did_not_arrive_is_tried_again_however_often(database_url: URL, fate: Fate) -> None:
    async with world_on(database_url) as (world, engine):
        world.systems["erp"].fates.extend([fate] * 9)  # three times max_attempts: those count answers lost
        command = await engine.submit(new(POST))
        for _ in range(9):
            await world.work(engine, 70)
        waiting = await engine.get(command.id)
        assert waiting is not None
        assert (waiting.status, len(waiting.attempts)) == (CommandStatus.WAITING, 9)
        await world.work(engine, 70)
        done = await engine.get(command.id)
        assert done is not None
        assert (done.status, done.fault, done.message) == (CommandStatus.SUCCEEDED, None, None)
        assert len({write.key for write in world.systems["erp"].sent}) == 1


async def test_retry_after_is_honoured(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        world.systems["erp"].fates.append(Fate.THROTTLED)
        command = await engine.submit(new(POST))
        await world.work(engine)
        waiting = await engine.get(command.id)
        assert waiting is not None
        assert waiting.next_attempt_at is not None
        assert waiting.next_attempt_at >= world.clock.now() + timedelta(seconds=2)
        assert await world.work(engine, 1.9) == 0


@pytest.mark.parametrize(
    ("fate", "sent"),
    [
        (Fate.LOST_DONE, 1),
        (Fate.MALFORMED_DONE, 1),
        (Fate.BROKEN_DONE, 1),
        (Fate.LOST_NOT_DONE, 2),
        (Fate.BROKEN_NOT_DONE, 2),
    ],
)
async def test_a_lost_answer_is_settled_by_reading(database_url: URL, fate: Fate, sent: int) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.fates.append(fate)
        system.readings.extend([Reading.UNDECIDED, Reading.UNREACHABLE, Reading.BROKEN])
        command = await engine.submit(new(POST))
        await world.work(engine)
        uncertain = await engine.get(command.id)
        assert uncertain is not None
        assert uncertain.status is CommandStatus.UNCERTAIN
        for _ in range(6):
            await world.work(engine, 70)
        done = await engine.get(command.id)
        assert done is not None
        assert (done.status, done.result_id, done.fault) == (CommandStatus.SUCCEEDED, "result-of-1", None)
        assert (len(system.sent), system.read, system.done.total()) == (sent, 4, 1)
        assert [each.outcome for each in done.attempts[:5]] == ["UNCERTAIN"] * 4 + ["SETTLED"]


async def test_answers_lost_too_often_make_it_dead_and_replay_revives_it(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.fates.extend([Fate.LOST_NOT_DONE] * 3)
        command = await engine.submit(new(POST))
        for _ in range(10):
            await world.work(engine, 70)
        dead = await engine.get(command.id)
        assert dead is not None
        assert dead.status is CommandStatus.DEAD
        assert dead.message == "given up: 3 attempts had no answer, and were found not done"
        replayed = await engine.replay(command.id, "operator:eve")
        assert replayed is not None
        assert (replayed.status, replayed.finished_at) == (CommandStatus.WAITING, None)
        await world.work(engine)
        done = await engine.get(command.id)
        assert done is not None
        assert (done.status, system.done.total()) == (CommandStatus.SUCCEEDED, 1)


async def test_the_deadline_makes_it_dead_with_its_reason(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        world.systems["erp"].fates.append(Fate.UNREACHABLE)
        command = await engine.submit(new(POST))
        following = await engine.submit(new(Verb.VOID_INVOICE))
        await world.work(engine)
        await world.work(engine, 86_400)
        dead = await engine.get(command.id)
        assert dead is not None
        assert (dead.status, dead.fault) == (CommandStatus.DEAD, "Unreachable")
        assert dead.message == "given up after its deadline: no connection"
        late = await engine.get(following.id)
        assert late is not None
        assert late.message == "given up after its deadline; nothing was sent"
        assert len(world.systems["erp"].sent) == 1


async def test_a_dead_one_in_doubt_is_read_before_it_is_sent_again(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.fates.append(Fate.LOST_DONE)
        system.readings.extend([Reading.UNDECIDED] * 2)
        command = await engine.submit(new(POST))
        await world.work(engine)
        await world.work(engine, 70)
        await world.work(engine, 86_400)
        dead = await engine.get(command.id)
        assert dead is not None
        assert dead.status is CommandStatus.DEAD
        assert dead.message is not None
        assert dead.message.startswith(
            "given up after its deadline; whether it was done could not be settled"
        )
        replayed = await engine.replay(command.id, None)
        assert replayed is not None
        assert replayed.status is CommandStatus.UNCERTAIN
        await world.work(engine)
        done = await engine.get(command.id)
        assert done is not None
        assert (done.status, len(system.sent)) == (CommandStatus.SUCCEEDED, 1)


async def test_a_refusal_after_a_lost_answer_is_told_apart_from_ones_own_work(database_url: URL) -> None:
    """The reading came before the lost request was carried out; the second attempt met its result."""
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.fates.extend([Fate.LOST_NOT_DONE, Fate.CONFLICT])
        command = await engine.submit(new(POST))
        await world.work(engine)
        await world.work(engine, 1)  # found not done, waits for its second attempt or has had it
        system.done[system.sent[0].key] += 1
        for _ in range(4):
            await world.work(engine, 70)
        done = await engine.get(command.id)
        assert done is not None
        assert (done.status, system.done.total()) == (CommandStatus.SUCCEEDED, 1)


async def test_cancel_and_replay_only_where_the_table_allows_it(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        accepted = await engine.submit(new(POST))
        behind = await engine.submit(new(Verb.VOID_INVOICE))
        with pytest.raises(WrongState):
            await engine.replay(accepted.id, None)
        cancelled = await engine.cancel(accepted.id, "operator:eve")
        assert cancelled is not None
        assert cancelled.status is CommandStatus.CANCELLED
        with pytest.raises(WrongState):
            await engine.cancel(accepted.id, None)
        await world.work(engine)
        assert [write.verb for write in world.systems["erp"].sent] == [Verb.VOID_INVOICE]
        done = await engine.get(behind.id)
        assert done is not None
        assert done.status is CommandStatus.SUCCEEDED
        with pytest.raises(WrongState):
            await engine.cancel(behind.id, None)
        assert await engine.replay("none", None) is None
        assert await engine.cancel("none", None) is None
        assert await engine.get("none") is None


async def test_commands_of_one_object_run_in_order_and_others_do_not_wait(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.fates.append(Fate.UNAUTHORISED)
        first = await engine.submit(new(POST, "1"))
        second = await engine.submit(new(Verb.VOID_INVOICE, "1"))
        other = await engine.submit(new(POST, "2"))
        await world.work(engine)
        states = [await engine.get(each.id) for each in (first, second, other)]
        assert [each.status for each in states if each] == [
            CommandStatus.WAITING,
            CommandStatus.ACCEPTED,
            CommandStatus.SUCCEEDED,
        ]
        await world.work(engine, 70)
        assert [(write.verb, write.record_id) for write in system.sent] == [
            (POST, "1"),
            (POST, "2"),
            (POST, "1"),
            (Verb.VOID_INVOICE, "1"),
        ]


async def test_one_connections_throttling_holds_its_commands_and_no_others(database_url: URL) -> None:
    async with world_on(database_url, replace(POLICY, workers=1, caller_deadline_s=1.0)) as (world, engine):
        world.systems["erp"].fates.append(Fate.THROTTLED)
        for number in range(5):
            await engine.submit(new(POST, str(number)))
        await world.work(engine)
        assert len(world.systems["erp"].sent) == 1
        billing = await engine.submit(new(Verb.UPDATE_CUSTOMER_BILLING, "9", idempotency_key="b", changes={}))
        assert (await engine.submit(new(Verb.REFUND_PAYMENT))).status is CommandStatus.SUCCEEDED
        assert billing.status is CommandStatus.ACCEPTED


async def test_the_budget_of_a_connection_keeps_a_place_for_callers(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        for number in range(10):
            await engine.submit(new(POST, str(number)))
        system.gate = asyncio.Event()
        assert await engine.worker.turn() == 3
        asking = asyncio.create_task(engine.submit(new(Verb.UPDATE_CUSTOMER_BILLING, "1")))
        for _ in range(4):
            await system.at_gate.acquire()
        system.gate.set()
        assert (await asking).status is CommandStatus.SUCCEEDED
        await world.work(engine)
        assert (len(system.sent), system.most_under_way) == (11, 4)


async def test_workers_of_two_processes_share_the_work(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        other = await world.engine()
        system = world.systems["erp"]
        for number in range(30):
            await engine.submit(new(POST, str(number)))
        shares = [0, 0]
        while sum(begun := await asyncio.gather(engine.worker.turn(), other.worker.turn())):
            shares = [share + more for share, more in zip(shares, begun, strict=True)]
            await asyncio.gather(engine.worker.idle(), other.worker.idle())
        assert sum(shares) == 30
        assert all(shares)
        assert sorted(system.done.values()) == [1] * 30


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_lease_that_runs_out_goes_to_another_process(database_url: URL, arrived: bool) -> None:
    async with world_on(database_url, replace(POLICY, attempt_s=1000)) as (world, engine):
        other = await world.engine()
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        command = await engine.submit(new(POST))
        await engine.worker.turn()
        await system.at_gate.acquire()  # and here its process stands still for good
        if arrived:
            system.done[system.sent[0].key] += 1
        system.gate, gate = None, system.gate
        assert await world.work(other, 29) == 0
        assert await world.work(other, 2) >= 1
        await world.work(other, 70)
        done = await other.get(command.id)
        assert done is not None
        assert done.status is CommandStatus.SUCCEEDED
        assert done.attempts[0].error == (
            "OutcomeUnknown: the worker that ran it ended before its answer was recorded"
        )
        assert (len(system.sent), system.done.total()) == (1 if arrived else 2, 1)
        await engine.worker.renew()  # the first process comes to itself, and finds its lease gone
        await engine.worker.idle()
        assert await other.get(command.id) == done
        gate.set()


async def test_what_is_claimed_while_leases_are_renewed_goes_on(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        ids = [(await engine.submit(new(POST, "1"))).id]
        await engine.worker.turn()
        await system.at_gate.acquire()
        ids.append((await engine.submit(new(POST, "2"))).id)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def keep_waiting(_: object) -> None:
            begun.set()
            await go_on.wait()

        # On SQLite the claim waits for this writer, and the renewal, which knows nothing of it, behind it.
        writing = asyncio.create_task(engine.database.write(keep_waiting))
        await begun.wait()
        claiming = asyncio.create_task(engine.worker.turn())
        for _ in range(200):
            await asyncio.sleep(0)
        renewing = asyncio.create_task(engine.worker.renew())
        for _ in range(200):
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(writing, claiming, renewing)
        system.gate.set()
        await engine.worker.idle()
        found = [await engine.get(each) for each in ids]
        assert [(each.status, len(each.attempts)) for each in found if each] == [
            (CommandStatus.SUCCEEDED, 1)
        ] * 2


async def test_a_lease_is_kept_while_its_worker_lives(database_url: URL) -> None:
    async with world_on(database_url, replace(POLICY, attempt_s=1000)) as (world, engine):
        other = await world.engine()
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        await engine.submit(new(POST))
        await engine.worker.turn()
        for _ in range(5):
            world.clock.advance(20)
            await engine.worker.renew()
        assert await other.worker.turn() == 0
        system.gate.set()
        await engine.worker.idle()
        assert (len(system.sent), system.done.total()) == (1, 1)


async def test_an_attempt_that_takes_too_long_is_uncertain(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        command = await engine.submit(new(POST))
        await engine.worker.turn()
        await system.at_gate.acquire()
        world.clock.advance(30)
        await engine.worker.idle()
        uncertain = await engine.get(command.id)
        assert uncertain is not None
        assert (uncertain.status, uncertain.message) == (CommandStatus.UNCERTAIN, "no answer within 30 s")


async def test_stopping_lets_attempts_end_and_leaves_the_rest(database_url: URL) -> None:
    async with world_on(database_url, replace(POLICY, workers=2)) as (world, engine):
        other = await world.engine()
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        ids = [(await engine.submit(new(POST, str(number)))).id for number in range(2)]
        engine.start()
        await system.at_gate.acquire()
        stopping = asyncio.create_task(engine.aclose())
        system.gate.set()
        await stopping
        found = [await other.get(each) for each in ids]
        assert [each.status for each in found if each] == [CommandStatus.SUCCEEDED, CommandStatus.ACCEPTED]


async def test_stopping_makes_what_takes_too_long_uncertain(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        other = await world.engine()
        system = world.systems["erp"]
        system.gate = asyncio.Event()
        command = await engine.submit(new(POST))
        engine.start()
        await system.at_gate.acquire()
        stopping = asyncio.create_task(engine.aclose())
        while not stopping.done():
            world.clock.advance(10)
            await asyncio.sleep(0)
        found = await other.get(command.id)
        assert found is not None
        assert found.status is CommandStatus.UNCERTAIN
        assert found.message in ("the gateway stopped before the answer came", "no answer within 30 s")


async def test_the_started_worker_needs_nobody_to_turn_it(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        engine.start()
        command = await engine.submit(new(POST))
        with engine.worker.watching(command.id) as changed:
            found = await engine.get(command.id)
            while found is not None and found.finished_at is None:
                await changed.wait()
                changed.clear()
                found = await engine.get(command.id)
        assert world.systems["erp"].done.total() == 1


async def test_commands_are_found_newest_first_in_pages(database_url: URL) -> None:
    async with world_on(database_url) as (_, engine):
        commands = [await engine.submit(new(POST, str(number % 2))) for number in range(5)]
        commands.append(await engine.submit(new()))
        page, more = await engine.find(CommandQuery(first=4))
        assert ([each.id for each in page], more) == ([each.id for each in reversed(commands[2:])], True)
        page, more = await engine.find(CommandQuery(first=4, after=page[-1].id))
        assert ([each.id for each in page], more) == ([commands[1].id, commands[0].id], False)

        async def found(**query: object) -> list[str]:
            return [each.id for each in (await engine.find(CommandQuery(**query)))[0]]  # type: ignore[arg-type]

        assert await found(status=[CommandStatus.SUCCEEDED]) == [commands[5].id]
        assert await found(status=[]) == []
        assert await found(kind="updateCustomer") == [commands[5].id]
        assert await found(kind="nothing") == []
        assert await found(target="global-1") == [commands[5].id, commands[3].id, commands[1].id]
        assert await found(after="nothing") == []


async def test_the_audit_tells_who_what_and_how_it_ended_but_no_personal_value(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        world.systems["crm"].fates.append(Fate.REJECTED)
        command = await engine.submit(
            new(changes={"phone": "+1 555 0100", "segment": "SMB", "email": None}, options={"reason": "Bob"})
        )
        lines = await entries(engine.database, command_id=command.id)
        assert [(each.action, each.before, each.after, each.actor) for each in lines] == [
            ("ACCEPTED", None, "ACCEPTED", "ada"),
            ("MOVED", "ACCEPTED", "RUNNING", None),
            ("MOVED", "RUNNING", "REJECTED", None),
        ]
        fields = '{"email":null,"phone":"***","reason":"***","segment":"SMB"}'
        assert [each.fields for each in lines] == [fields, fields, None]
        assert (lines[2].fault, lines[2].vendor_code, lines[2].attempt) == ("Rejected", "bad_plan", 1)
        assert {each.correlation_id for each in lines} == {"corr-1"}
        for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
            with pytest.raises(Exception, match="append-only"):
                await engine.database.write(lambda tx, s=statement: tx.execute(text(s)))
