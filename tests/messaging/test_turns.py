"""Who may go on: many handlers together, one alone while callbacks wait for the disk, and nobody starves."""

from __future__ import annotations

import asyncio

from bot.messaging.turns import Gate


class Inside:
    """Tasks that pass a gate and stay until they are told to leave."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.entered, self.left = gate, list[int](), list[int]()
        self._doors: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def come(self, *names: int) -> None:
        for name in names:
            self._doors[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._stay(name))
        await self._quiet()

    async def go(self, name: int) -> None:
        self._doors[name].set()
        await self._quiet()

    async def _stay(self, name: int) -> None:
        async with self.gate.passage():
            self.entered.append(name)
            await self._doors[name].wait()
        self.left.append(name)

    @staticmethod
    async def _quiet() -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_many_pass_together_in_the_order_they_came() -> None:
    inside = Inside(Gate(2, urgent=lambda: False))
    await inside.come(1, 2, 3, 4)
    assert inside.entered == [1, 2]
    await inside.go(2)
    assert inside.entered == [1, 2, 3]


async def test_while_it_is_urgent_one_goes_alone_and_afterwards_many_again() -> None:
    urgent = True
    inside = Inside(Gate(3, urgent=lambda: urgent))
    await inside.come(1, 2, 3, 4, 5)
    assert inside.entered == [1]
    await inside.go(1)
    assert inside.entered == [1, 2]  # nobody starves in a storm that does not end
    urgent = False
    await inside.go(2)
    assert inside.entered == [1, 2, 3, 4, 5]


async def test_who_is_cancelled_while_waiting_or_just_let_in_leaves_the_place_to_others() -> None:
    gate = Gate(1, urgent=lambda: False)
    inside = Inside(gate)
    async with gate.passage():
        await inside.come(2, 3, 4)
        inside.tasks[2].cancel()
    inside.tasks[3].cancel()  # the gate has let it in at this moment, and it has not run since
    await asyncio.wait([inside.tasks[3]])
    await inside.go(4)
    assert inside.entered == inside.left == [4]
