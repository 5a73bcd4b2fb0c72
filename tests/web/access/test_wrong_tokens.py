import asyncio
import logging

from bridge.web.access.wrong_tokens import LOG_SECS, MAX_ADDRESSES, MAX_DELAYED, MAX_DELAYED_IN_ALL, WrongTokens


async def delayed(wrong, *addresses):
    """Tasks whose answers are delayed until they are cancelled."""
    tasks = [asyncio.create_task(wrong.delay(address, 3600)) for address in addresses]
    await asyncio.sleep(0)
    return tasks


def run(scene):
    async def guarded():
        before = asyncio.all_tasks()
        await scene()
        for task in asyncio.all_tasks() - before:
            task.cancel()

    asyncio.run(guarded())


def test_address_is_refused_while_its_wrong_tokens_are_answered():
    async def scene():
        wrong = WrongTokens()
        tasks = await delayed(wrong, *["10.0.0.1"] * MAX_DELAYED)
        assert wrong.refuses("10.0.0.1")
        assert not wrong.refuses("10.0.0.2")
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert not wrong.refuses("10.0.0.1")

    run(scene)


def test_delayed_answers_are_few_also_for_many_addresses():
    async def scene():
        wrong = WrongTokens()
        addresses = [f"10.0.0.{number}" for number in range(MAX_DELAYED_IN_ALL)]
        await delayed(wrong, *addresses)
        [beyond] = await delayed(wrong, "10.0.1.1")
        assert beyond.done()
        assert wrong.refuses("10.0.0.1")
        assert not wrong.refuses("10.0.1.2")

    run(scene)


def test_wrong_tokens_are_logged_once_a_minute_for_each_address(caplog):
    now = [0.0]
    wrong = WrongTokens(lambda: now[0])

    async def scene():
        for _ in range(10):
            await wrong.delay("10.0.0.1", 0)
        await wrong.delay("10.0.0.2", 0)
        now[0] += LOG_SECS
        await wrong.delay("10.0.0.1", 0)

    with caplog.at_level(logging.WARNING):
        run(scene)
    assert [each.partition("from ")[2] for each in caplog.messages] == [
        "10.0.0.1 (1 since the last such line)",
        "10.0.0.2 (1 since the last such line)",
        "10.0.0.1 (10 since the last such line)",
    ]


def test_addresses_are_remembered_up_to_a_limit():
    wrong = WrongTokens()

    async def scene():
        for number in range(MAX_ADDRESSES + 10):
            await wrong.delay(str(number), 0)

    run(scene)
    assert len(wrong._logged) == MAX_ADDRESSES
