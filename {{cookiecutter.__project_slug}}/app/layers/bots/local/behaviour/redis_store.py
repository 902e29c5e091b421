"""Records in Redis, for all workers at once.

One script call tells of a batch of clients and hears what all workers together know of them.
Records are fields of two hashes, the newer and the older generation: a record costs no key and no
end of its own. When the newer one is half of the cap, or half an hour old, it becomes the older
one, and that is let go. Whatever happens, there are never more records than the cap, and none that
was silent for an hour.
All keys share one hash tag, because a script may touch one slot only on Redis Cluster.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError, RedisError

from app.layers.bots.local.behaviour.local_table import GENERATION_SECONDS
from app.layers.bots.local.behaviour.record import (
    FAST_HALF_LIFE,
    IDENTIFIER_BITS,
    PATH_BITS,
    PEER_BITS,
    PLAIN,
    SLOW_HALF_LIFE,
    Record,
)
from app.layers.bots.local.behaviour.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from app.layers.bots.local.behaviour.local_table import Turn

KEY_PREFIX = "{bots}:"
MAX_BATCH = 128
"""Clients in one script call. Redis serves nobody else during it: for 1.4 ms at this size."""

_SIGNALS, _PLAIN = len(Signal), len(PLAIN)
_SIZES = (PATH_BITS // 8, PEER_BITS // 8, IDENTIFIER_BITS // 8, IDENTIFIER_BITS // 8)
_SETS = "".join(f"c{size}" for size in _SIZES)

# KEYS: newer and older generation, and the key that places are chosen with. ARGV: this worker's
# proposal for that key, records of one generation, then name and evidence of each client.
# What it does to a record is what `Record.merge` does.
SCRIPT = f"""
local SPAN, SECRET_LIFE = {GENERATION_SECONDS * 1000}, 86400
local RECORD, EVIDENCE = '<I4{"f" * 2 * _SIGNALS}{_SETS}', '<{"I4" * _PLAIN}{_SETS}'
local newer, older = KEYS[1], KEYS[2]
local half, clients = tonumber(ARGV[2]), (#ARGV - 2) / 2
local now = tonumber(redis.call('TIME')[1])
local ONES, EMPTY = {{[0] = 0}}, {{}}
for byte = 1, 255 do ONES[byte] = ONES[bit.rshift(byte, 1)] + byte % 2 end
for _, size in ipairs({{{", ".join(map(str, sorted(set(_SIZES))))}}}) do
    EMPTY[size] = string.rep('\\0', size)
end

local function union(old, new)
    if new == EMPTY[#new] then return old, 0 end
    local bytes, added = {{string.byte(old, 1, -1)}}, {{string.byte(new, 1, -1)}}
    local count, fresh = 0, 0
    for index = 1, #bytes do
        local was = bytes[index]
        count = count + ONES[was]
        if added[index] ~= 0 then
            bytes[index] = bit.bor(was, added[index])
            fresh = fresh + ONES[bytes[index]] - ONES[was]
        end
    end
    if 2 * (count + fresh) > 8 * #bytes then return EMPTY[#new], fresh end
    return string.char(unpack(bytes)), fresh
end

local function faded(packed)
    local record
    if packed then
        record = {{struct.unpack(RECORD, packed)}}
        local passed = math.max(0, now - record[1])
        local fast, slow = 2 ^ (-passed / {FAST_HALF_LIFE}), 2 ^ (-passed / {SLOW_HALF_LIFE})
        for place = 2, {2 * _SIGNALS}, 2 do
            record[place], record[place + 1] = record[place] * fast, record[place + 1] * slow
        end
    else
        record = {{}}
        for place = 2, {2 * _SIGNALS + 1} do record[place] = 0 end
        for index, size in ipairs({{{", ".join(map(str, _SIZES))}}}) do
            record[{2 * _SIGNALS + 1} + index] = EMPTY[size]
        end
    end
    record[1] = now
    return record
end

local function add(record, signal, amount)
    if amount == 0 then return end
    for place = 2 * signal + 2, 2 * signal + 3 do
        record[place] = math.max(0, record[place] + amount)
    end
end

local function merge(record, packed)
    local evidence = {{struct.unpack(EVIDENCE, packed)}}
    local sets, new = {2 * _SIGNALS + 1}, {{}}
    for signal = 0, {_PLAIN - 1} do add(record, signal, evidence[signal + 1]) end
    for index = 1, 4 do
        record[sets + index], new[index] = union(record[sets + index], evidence[{_PLAIN} + index])
    end
    add(record, {int(Signal.MISSING_PATHS)}, new[1])
    add(record, {int(Signal.MANY_ACCOUNTS)}, new[2])
    add(record, {int(Signal.IDENTIFIERS)}, new[3] - new[4])
    local empty = EMPTY[{IDENTIFIER_BITS // 8}]
    if record[sets + 3] == empty or record[sets + 4] == empty then
        record[sets + 3], record[sets + 4] = empty, empty
    end
end

redis.call('SET', KEYS[3], ARGV[1], 'NX')
redis.call('EXPIRE', KEYS[3], SECRET_LIFE)
local left, size = redis.call('PTTL', newer), redis.call('HLEN', newer)
if size > 0 and (left <= SPAN or size + clients > half) then
    redis.call('UNLINK', older)
    redis.call('RENAME', newer, older)
    redis.call('PEXPIRE', older, SPAN)
end
local records = {{}}
for index = 1, clients do
    local name, evidence = ARGV[2 * index + 1], ARGV[2 * index + 2]
    local stored = redis.call('HGET', newer, name)
    local known = stored or redis.call('HGET', older, name)
    records[index] = false
    if known or evidence ~= '' then
        local record = faded(known)
        if evidence ~= '' then merge(record, evidence) end
        local packed = struct.pack(RECORD, unpack(record))
        if evidence ~= '' then
            redis.call('HSET', newer, name, packed)
            if known and not stored then redis.call('HDEL', older, name) end
        end
        records[index] = packed
    end
end
if redis.call('PTTL', newer) == -1 then redis.call('PEXPIRE', newer, 2 * SPAN) end
return {{redis.call('GET', KEYS[3]), records}}
"""
SCRIPT_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisStore:
    """The records of one kind: of clients, or of accounts.

    Args:
        redis: the connection pool.
        kind: the name of the kind, in keys.
        size: how many records there may be.
        timeout: seconds that a call may take, connecting included.
    """

    def __init__(self, redis: Redis, kind: str, size: int, timeout: float) -> None:
        self._redis = redis
        self._keys = [f"{KEY_PREFIX}{kind}:new", f"{KEY_PREFIX}{kind}:old", f"{KEY_PREFIX}key"]
        self._half = max(MAX_BATCH, size // 2)
        self._timeout = timeout

    async def exchange(
        self, turns: Sequence[Turn], key: bytes, now: float
    ) -> tuple[bytes, list[Record | None]]:
        """Tell of these clients; return the key that all workers use, and what they know.

        Raises:
            RedisError: an error, or an answer that makes no sense.
            OSError: there is no connection.
            TimeoutError: it took too long.
        """
        arguments: list[bytes | str | int] = [key, self._half]
        for turn in turns:
            arguments += (turn.key, turn.packed)
        return _read(await self._evaluate(arguments), len(turns), now)

    async def _evaluate(self, arguments: list[bytes | str | int]) -> Any:
        async with asyncio.timeout(self._timeout):
            try:
                return await self._redis.evalsha(SCRIPT_SHA, 3, *self._keys, *arguments)
            except NoScriptError:  # first call ever, or Redis has restarted
                return await self._redis.eval(SCRIPT, 3, *self._keys, *arguments)


def _read(answer: Any, length: int, now: float) -> tuple[bytes, list[Record | None]]:
    match answer:
        case [bytes() as key, list() as records] if len(records) == length:
            try:
                return key, [one and Record.unpack(one, now) for one in records]
            except (struct.error, TypeError) as error:
                raise RedisError("a record of another shape") from error
    raise RedisError("an answer of another shape")
