"""Durable WeCom callbacks a second, and how long each waits, under the load of wrk: verified, decrypted, committed with
fsync, answered and handled afterwards; beside aiohttp with an empty handler (floor), FastAPI+wechatpy and Flask+wechatpy
that store nothing, and FastAPI+SQLModel that commits each one. Then ten SIGKILLs under load: nothing acknowledged may be
missing.

Needs ``wrk`` (Debian). Prints rates and ratios; asserts nothing but that nothing was lost.

    python bench/callbacks.py [SECONDS] [sqlite|postgres]
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
import uvloop

from bench._hooks import AES, CORP, TOKEN
from bench.delivery import database
from bot.platforms.wecom.crypto import seal, signature

HERE = Path(__file__).resolve()
CONNECTIONS, PACED = 64, 128
_numbers = itertools.count(7_300_000_000_000_000_000)
LUA = """
local requests, n = {{}}, 0
for line in io.lines("{file}") do
  local query, body = line:match("([^\\t]+)\\t(.*)")
  requests[#requests + 1] = {{query, body}}
end
request = function()
  n = n + 1
  local one = requests[n]
  if one == nil then {spent} one = requests[1] end
  return wrk.format("POST", "/hooks/wecom?" .. one[1], nil, one[2])
end
"""


def main(seconds: int, kinds: list[str]) -> None:
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floor = bare_commits(folder)
        print(f"a bare commit on this disk (floor): p50 {floor[0]:.1f} ms, p99 {floor[1]:.1f} ms", flush=True)
        rates["bare aiohttp, an empty handler (floor)"] = measure("bare", "", seconds, folder)
        for kind in kinds:
            with database(kind, folder) as address:
                rates[f"ours, {kind}, durable"] = measure("ours", address, seconds, folder)
                print_paced(f"ours, {kind}", *paced("ours", address, folder))
        rates["FastAPI+wechatpy, stores nothing"] = measure("nothing", "", seconds, folder)
        print_paced("FastAPI+wechatpy", *paced("nothing", "", folder))
        rates["Flask+wechatpy (gunicorn), stores nothing"] = measure("flask", "", seconds, folder)
        rates["FastAPI+SQLModel, commits each"] = measure(
            "sqlmodel", f"sqlite:///{folder / 'peer.db'}", seconds, folder
        )
        first = rates[f"ours, {kinds[0]}, durable"]
        for what, rate in rates.items():
            print(f"{what:45}{rate:9,.0f} /s   ours is {first / rate:5.2f} times that" if rate else what)
        print(f"ten SIGKILLs under load: {killed_ten_times(folder)} acknowledged and missing", flush=True)


def print_paced(what: str, rate: float, waits: str) -> None:
    print(f"{what}, paced to {rate:,.0f}/s: {waits}", flush=True)


def measure(what: str, address: str, seconds: int, folder: Path) -> float:
    """Callbacks a second as wrk counts them; prints its latencies."""
    file, script = folder / "requests.tsv", folder / "load.lua"
    write_requests(file, 8000 * seconds)
    script.write_text(lua(file, again=what == "bare"))
    with server(what, address) as port:
        said = wrk(port, script, seconds=seconds, connections=CONNECTIONS)
    print(f"{what}: {rate_of(said):,.0f}/s, {waits_of(said)}", flush=True)
    return rate_of(said)


def bare_commits(folder: Path) -> tuple[float, float]:
    """Milliseconds at the middle and at 99 in 100 of one commit of 16 rows alone: no durable answer can be sooner."""
    waits: list[float] = []
    with contextlib.closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as connection:
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE kept (body TEXT)",
        ):
            connection.execute(statement)
        for _ in range(300):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO kept VALUES (?)", [("x" * 600,)] * 16)
            began = time.perf_counter()
            connection.execute("COMMIT")
            waits.append(time.perf_counter() - began)
    waits.sort()
    return statistics.median(waits) * 1000, waits[int(len(waits) * 0.99)] * 1000


def callback() -> tuple[str, str, str]:
    """Message id, query and body of one text message, sealed as WeCom does."""
    number, nonce, now = str(next(_numbers)), str(random.getrandbits(30)), str(int(time.time()))
    inner = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[insp{int(number) % 500:03}]]></FromUserName>"
        f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[今天查哪家 {number}]]></Content>"
        f"<MsgId>{number}</MsgId><AgentID>1000017</AgentID></xml>"
    )
    encrypted = seal(inner.encode(), aes_key=AES, receive_id=CORP, prefix=os.urandom(16))
    signed = signature(TOKEN, now, nonce, encrypted)
    body = f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    return number, f"msg_signature={signed}&timestamp={now}&nonce={nonce}", body


def write_requests(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        for _ in range(count):
            _, query, body = callback()
            out.write(f"{query}\t{body}\n")


def lua(file: Path, *, again: bool = False) -> str:
    """Each request once; *again*: where nobody looks at them, the first over and over when all are sent."""
    return LUA.format(file=file, spent="" if again else "wrk.thread:stop()")


def paced(what: str, address: str, folder: Path, *, rate: int = 1000, seconds: int = 5) -> tuple[float, str]:
    """Callbacks a second that came, and how long they waited, when each connection pauses so long between two that so
    many a second come in. A first second, in which connections open and every statement is compiled, is not counted:
    a service runs for months. The load is wrk's: one in Python would wait for itself."""
    file, script = folder / "requests.tsv", folder / "load.lua"
    write_requests(file, 2 * rate * (seconds + 1))
    pause = 2 * 1000 * PACED // rate  # at random up to this, milliseconds: no beat
    script.write_text(lua(file) + f"delay = function() return math.random(0, {pause}) end\n")
    with server(what, address) as port:
        wrk(port, script, seconds=1, connections=PACED)
        said = wrk(port, script, seconds=seconds, connections=PACED)
    return rate_of(said), waits_of(said)


def wrk(port: int, script: Path, *, seconds: int, connections: int) -> str:
    words = [
        shutil.which("wrk") or "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script),
        f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words


def rate_of(said: str) -> float:
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]


def waits_of(said: str) -> str:
    bad = re.search(r"Non-2xx.*", said)
    waits = ", ".join(
        f"p{part} {wait}" for part, wait in re.findall(r"^\s+(50|99)%\s+(\S+)", said, re.MULTILINE)
    )
    return f"{waits} {bad[0] if bad else ''}".strip()


def killed_ten_times(folder: Path) -> int:
    """How many of the acknowledged callbacks are not in the inbox."""
    acknowledged: set[str] = set()
    with tempfile.TemporaryDirectory(dir=folder) as name, database("sqlite", Path(name)) as address:
        for _ in range(10):
            with server("ours", address) as port:
                acknowledged |= uvloop.run(_until_killed(port))
        with sqlite3.connect(Path(name) / "bench.db") as connection:
            rows = connection.execute("SELECT body FROM inboxevent").fetchall()
    stored = set(re.findall(r"\d{19}", " ".join(body for (body,) in rows)))
    print(f"{len(acknowledged):,} acknowledged, {len(rows):,} stored", flush=True)
    return len(acknowledged - stored)


async def _until_killed(port: int) -> set[str]:
    seen: set[str] = set()

    async def push(http: aiohttp.ClientSession) -> None:
        while True:
            number, query, body = callback()
            async with http.post(f"http://127.0.0.1:{port}/hooks/wecom?{query}", data=body) as answer:
                if answer.status == 200:
                    seen.add(number)

    async with aiohttp.ClientSession() as http:
        tasks = [asyncio.create_task(push(http)) for _ in range(32)]
        await asyncio.sleep(random.uniform(0.3, 0.8))
        _processes[port].kill()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen


_processes: dict[int, subprocess.Popen[bytes]] = {}


@contextlib.contextmanager
def server(what: str, address: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, str(HERE.with_name("_hooks.py")), what, str(port), address]
    if what == "flask":
        words = [
            sys.executable,
            "-m",
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "-w1",
            "--threads=8",
            "bench._hooks:flask_app",
        ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parents[1]),
        "BENCH_FLASK": "1" if what == "flask" else "",
    }
    process = subprocess.Popen(words, env=environment, cwd=HERE.parents[1], stderr=subprocess.DEVNULL)  # noqa: S603 - our own words
    _processes[port] = process
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{what} does not start"
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(
        numbers[0] if numbers else 5, [w for w in sys.argv[1:] if not w.isdecimal()] or ["sqlite", "postgres"]
    )
