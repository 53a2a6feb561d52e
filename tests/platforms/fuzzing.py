"""Fuzzing that is guided by coverage: an input that makes one of our lines follow another for the first time joins the
seeds that later inputs are grown from.

Which lines follow which is seen with ``sys.settrace`` inside the watched modules alone. A run is repeated by its seed.
"""

from __future__ import annotations

import json
import math
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType, ModuleType
from typing import Any

Parse = Callable[[bytes], object]
MOST_SEEDS = 3000
TOKENS = [
    b"<![CDATA[", b"]]>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"\x00", b"\xff\xfe", b"<xml>", b"</xml>",
    b"<a>" * 20, b"{", b"}", b"[" * 40, b'"', b"\\ud800", b"1e999", b"-1", b"9" * 40, b"null", b"true", b"\xe5\xad\x97",
    b"MsgType", b"event", b"mixed", b"msg_item", b"\xf0\x9f\x98\x80", b"\n", b"&lt;", b"<?xml version='1.1'?>",
]  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "\x00", "\ud800", "9" * 5000, "检查", [], {}, [[]], {"a": {}}, "{}", "[1]",
    "null", {"text": 3}, ["x"] * 40, float("inf"),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A parser, the inputs it is grown from, and how it may refuse; ``share`` is its part of all inputs.

    ``grows`` is False where the seeds take every step, or where every input takes the same steps by design.
    """

    parse: Parse
    seeds: list[bytes]
    refusals: tuple[type[Exception], ...]
    share: float = 1.0
    grows: bool = True


class Reach:
    """Which steps from line to line of the watched modules have run."""

    def __init__(self, modules: Collection[ModuleType]) -> None:
        self._files = {str(module.__file__) for module in modules}
        self.steps: set[tuple[CodeType, int, int]] = set()

    def watch(self, call: Callable[[], object]) -> bool:
        """Run *call*; tell whether it took a step that none has taken. What it raises goes through."""
        before, outer = len(self.steps), sys.gettrace()
        sys.settrace(self._enter)
        try:
            call()
        finally:
            sys.settrace(outer)
        return len(self.steps) > before

    @property
    def lines(self) -> set[tuple[str, int]]:
        return {(code.co_filename, line) for code, _, line in self.steps if line}

    def possible(self) -> set[tuple[str, int]]:
        """Every line inside a function of the watched modules."""
        found: set[tuple[str, int]] = set()
        for name in self._files:
            with open(name, encoding="utf-8") as source:  # noqa: PTH123 - a module's own file
                top = compile(source.read(), name, "exec", dont_inherit=True)
            for code in _functions(top):
                found |= {
                    (name, line) for _, _, line in code.co_lines() if line and line != code.co_firstlineno
                }
        return found

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        if code.co_filename not in self._files:
            return None
        previous = 0

        def step(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal previous
            line = 0 if event == "return" else frame.f_lineno
            self.steps.add((code, previous, line))
            previous = line
            return step

        return step


def _functions(code: CodeType, *, inside: bool = False) -> Iterator[CodeType]:
    """The code of functions and of what they hold; of a module and its classes only what is called later."""
    is_function = bool(code.co_flags & 0x2)  # CO_NEWLOCALS: neither a module nor ...
    if inside and is_function and "__module__" not in code.co_names[:2]:  # ... a class body
        yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _functions(part, inside=True)


@dataclass
class Report:
    """What a run tried: outcomes by parser, and how far into our code it came."""

    reach: Reach
    outcomes: Counter[str] = field(default_factory=Counter)
    grown: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        return sum(self.outcomes.values())

    def say(self) -> str:
        """The account in lines of text; whoever reads it sees what was not reached as well."""
        possible = self.reach.possible()
        reached = self.reach.lines & possible
        told = [f"{times:9,} {outcome}" for outcome, times in sorted(self.outcomes.items())]
        told += [f"{number:9,} seeds after growing: {name}" for name, number in self.grown.items()]
        for name in sorted({name for name, _ in possible}):
            of = {line for file, line in possible if file == name}
            ran = {line for file, line in reached if file == name}
            left = ", ".join(map(str, sorted(of - ran))) or "none"
            told.append(f"{len(ran):5} of {len(of):4} lines of {'/'.join(name.split('/')[-3:])}; not: {left}")
        steps = len(self.reach.steps)
        told.append(
            f"{self.inputs:,} inputs, {len(reached)} of {len(possible)} lines, {steps:,} different steps from line to "
            f"line, no crash, {self.seconds:.0f} s"
        )
        return "\n".join(told)


def run(targets: dict[str, Target], modules: Collection[ModuleType], count: int, *, seed: int) -> Report:
    """Try *count* inputs over all targets; an exception that is no refusal is raised with its input."""
    chance = random.Random(seed)
    report, begun = Report(Reach(modules)), time.monotonic()
    whole = sum(target.share for target in targets.values())
    for name, target in targets.items():
        seeds = list(target.seeds)
        for seed_input in target.seeds:
            report.reach.watch(lambda: _try(name, target, seed_input))  # noqa: B023 - called at once
        for _ in range(math.ceil(count * target.share / whole)):
            raw = mutate(chance.choice(seeds), chance, seeds)
            ended: list[str] = []
            new = report.reach.watch(lambda: ended.append(_try(name, target, raw)))  # noqa: B023 - called at once
            report.outcomes[f"{name}: {ended[0]}"] += 1
            if new and len(seeds) < MOST_SEEDS:
                seeds.append(raw)
        report.grown[name] = len(seeds)
    report.seconds = time.monotonic() - begun
    return report


def check(name: str, target: Target, modules: Collection[ModuleType], *, tried: int) -> None:
    """One parser in a test: its seeds grow by what they newly reach, and some inputs are refused."""
    report = run({name: target}, modules, tried, seed=20260310)
    assert report.inputs == tried
    assert report.grown[name] > len(target.seeds) or not target.grows
    assert len(report.outcomes) > 1 or not target.refusals


def _try(name: str, target: Target, raw: bytes) -> str:
    try:
        result = target.parse(raw)
    except target.refusals as refused:
        return f"{type(refused).__name__} {getattr(refused, 'code', '') or getattr(refused, 'status', '')}".strip()
    except BaseException:
        print(f"{name} broke on {raw!r}", file=sys.stderr)
        raise
    return " ".join(filter(None, (type(result).__name__, str(getattr(result, "kind", "")))))


def mutate(raw: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    """JSON and XML are spoiled in their parts as often as in their bytes; all else only in its bytes."""
    if chance.random() < 0.5:
        return _bent(raw, chance, seeds)
    if raw[:1] == b"<":
        return _rewritten(raw, chance)
    if raw[:1] == b"{":
        try:
            tree = json.loads(raw)
        except (ValueError, RecursionError):
            return _bent(raw, chance, seeds)
        return json.dumps(spoiled(tree, chance)).encode()[:100_000]
    return _bent(raw, chance, seeds)


def spoiled(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """The same with a few of its parts replaced by something else; also inside JSON that stands in a string."""
    if chance.random() < 0.1:
        return chance.choice(ODD)
    if isinstance(value, dict) and depth < 6:
        kept = {k: spoiled(v, chance, depth + 1) for k, v in value.items() if chance.random() > 0.05}
        if value and chance.random() < 0.1:
            kept[chance.choice(list(value))] = chance.choice(ODD)
        return kept
    if isinstance(value, list) and depth < 6:
        return [spoiled(one, chance, depth + 1) for one in value]
    if isinstance(value, str) and value[:1] == "{" and depth < 6:
        try:
            return json.dumps(spoiled(json.loads(value), chance, depth + 1))
        except (ValueError, RecursionError):
            return value
    return value


def _rewritten(raw: bytes, chance: random.Random) -> bytes:
    """XML that stays well-formed: elements with another text, twice, gone, or under another's name."""
    data = raw
    for _ in range(chance.randint(1, 3)):
        found = list(re.finditer(rb"<(\w+)>(?:<!\[CDATA\[)?([^<\]]*)(?:\]\]>)?</\1>", data))
        if not found:
            return data
        one, other = chance.choice(found), chance.choice(found)
        name, text = one.group(1), one.group(2)
        match chance.randrange(5):
            case 0:
                text = chance.choice(
                    (b"", b"0", b"-1", b"9" * 30, b"NaN", b"1e999", b"x" * 3000, other.group(2))
                )
            case 1:
                name = other.group(1)
            case 2:
                text = other.group(2)
            case 3:
                text += b"]]></" + name + b"><" + name + b"><![CDATA[" + text
            case _:
                data = data[: one.start()] + data[one.end() :]
                continue
        data = data[: one.start()] + b"<%b><![CDATA[%b]]></%b>" % (name, text, name) + data[one.end() :]
    return data[:100_000]


def _bent(raw: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    """One to four changes: bytes, cuts, repeats, hostile tokens, or half of another seed."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[at - 1] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 30)]
            case 2:
                data[at:at] = chance.choice(TOKENS)
            case 3:
                data[at:at] = data[at : at + chance.randint(1, 60)]
            case 4:
                data = data[:at]
            case 5:
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randrange(len(other) + 1) :]
            case _:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
    return bytes(data[:100_000])


def main(targets: dict[str, Target], modules: Collection[ModuleType]) -> None:
    """``COUNT [SEED]`` from the command line; print the account."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    print(f"seed {seed}")
    print(run(targets, modules, count, seed=seed).say())
