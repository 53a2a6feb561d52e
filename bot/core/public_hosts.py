"""Calling an address that somebody else wrote down: only named hosts, only public networks, no detours."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.core.errors import Problem


def check_address(url: str, hosts: Collection[str]) -> URL:
    """*url* when it may be called: https, one of *hosts*, no user, no other port. Raise Problem ``host_refused``."""
    try:
        parsed = URL(url)
        fine = (
            parsed.scheme == "https"
            and (parsed.host or "").lower() in {host.lower() for host in hosts}
            and parsed.user is None
            and parsed.port == 443
        )
    except ValueError:
        fine = False
    if not fine:
        raise Problem("host_refused", "地址只能是 https，且在允许的主机上。", 允许="、".join(hosts))
    return parsed


def is_public(address: str) -> bool:
    """Whether an IP address is in the public internet, also behind IPv6's ways of writing IPv4."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


class PublicResolver(AbstractResolver):
    """Names to public addresses only. The connection is made to what was checked: a name that points elsewhere
    at the second look (DNS rebinding) is never looked up a second time."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The public addresses of *host*. Raise OSError when one of them is not public, or there is none."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise OSError(None, f"{host} is not in the public internet")
        return found

    async def close(self) -> None:
        await self._inner.close()


def connector_options(resolver: AbstractResolver | None = None) -> dict[str, Any]:
    """What a ``TCPConnector`` needs: no cache between the check and the connection."""
    return {"resolver": PublicResolver(resolver), "use_dns_cache": False}
