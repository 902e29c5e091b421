"""The script that counts in Redis: any number of hits, of any kind, in one round trip.

Its arithmetic is that of `windows.py`. Time is Redis's own, so that workers on several machines
agree. What it keeps of a sliding window or a bucket is one line of whole numbers, microseconds and
hits, written by `%.0f`: Lua writes a number of that size with 14 digits otherwise.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from app.changes import SCRIPT as CHANGES_SCRIPT
from app.layers.rate_limits.windows import Count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.layers.rate_limits.policies import Policy

# A key that somehow lost its end gets one again: it would refuse its client for ever. What is given
# back (a negative cost) must not make a key: its window has ended.
_FIXED = """
local function fixed(key, cost, window)
    local left = redis.call('PTTL', key)
    if cost < 0 and left < 0 then return 0, 0 end
    local hits = redis.call('INCRBY', key, cost)
    if left < 0 then
        left = window / 1000
        redis.call('PEXPIRE', key, left)
    end
    return hits, left * 1000
end
"""
# A clock that was set back finds moments that are yet to come; they are taken for now, or nobody
# could say when they end.
_SHARED = """
local clock
local function moment()
    if not clock then
        local time = redis.call('TIME')
        clock = time[1] * 1000000 + time[2]
    end
    return clock
end
local function keep(key, left, line, ...)
    redis.call('SET', key, string.format(line, ...), 'PX', math.ceil(left / 1000))
end
local function refused(now, last, amount, cost, window)
    if now - last >= window then return amount + cost, now end
    return amount + cost + 1, nil
end
"""
_SLIDING = """
local SLIDING = '%.0f %.0f %.0f %.0f'
local function sliding(key, cost, window, amount)
    local now = moment()
    local found = redis.call('GET', key) or ''
    local start, hits, last, mark = string.match(found, '^(%d+) (%d+) (%d+) (%d+)$')
    if not start and cost < 0 then return 0, 0 end
    start, hits = math.min(tonumber(start or now), now), tonumber(hits or 0)
    last, mark = tonumber(last or 0), math.min(tonumber(mark or 0), now)
    if now >= start + window then
        if hits > 0 and now < start + 2 * window then
            start, hits, last = start + window, 0, hits
        else
            start, hits, last = now, 0, 0
        end
    end
    local used = math.ceil(last * (1 - (now - start) / window) - GRAIN) - 1
    used = math.max(0, used) + hits + cost
    if cost > 0 and used > amount then
        local count, told = refused(now, mark, amount, cost, window)
        local from, fading, room = start, last, amount - cost - hits
        if room < 0 then from, fading, room = start + window, hits, amount - cost end
        local left = start + window * 2 - now
        if told then keep(key, left, SLIDING, start, hits, last, told) end
        local part = 1 - (room + 1) / math.max(1, fading)
        return count, from + window * math.min(1, math.max(0, part)) - now
    end
    hits = hits + cost
    if hits < 0 then hits, last = 0, math.max(0, last + hits) end
    local left = start + window * (hits > 0 and 2 or 1) - now
    keep(key, left, SLIDING, start, hits, last, mark)
    return math.max(0, used), left
end
"""
_BUCKET = """
local BUCKET = '%.0f %.0f'
local function bucket(key, cost, window, amount)
    local now = moment()
    local full, mark = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
    if not full and cost < 0 then return 0, 0 end
    full = math.max(now, math.min(tonumber(full or now), now + window))
    mark = math.min(tonumber(mark or 0), now)
    local each = window / amount
    local after = math.max(now, math.floor(full + cost * each))
    local over = after - now - window
    if cost > 0 and over > GRAIN then
        local count, told = refused(now, mark, amount, cost, window)
        if told then keep(key, math.max(full - now, 1), BUCKET, full, told) end
        return count, over
    end
    keep(key, math.max(after - now, 1), BUCKET, after, mark)
    return math.ceil((after - now) / each - GRAIN), after - now
end
"""
_COUNT = """
local KINDS = {fixed = fixed, sliding = sliding, bucket = bucket}
local counts = {}
for index = 1, #KEYS - 1 do
    local cost, kind, window, amount = string.match(ARGV[index], '^(%S+) (%S+) (%S+) (%S+)$')
    local hits, left = KINDS[kind](
        KEYS[index], tonumber(cost), tonumber(window), tonumber(amount)
    )
    counts[2 * index - 1] = hits
    counts[2 * index] = math.ceil(left)
end
return {counts, changes(KEYS[#KEYS], ARGV[#KEYS], #KEYS + 1)}
"""
SCRIPT = f"{CHANGES_SCRIPT}\nlocal GRAIN = 1e-9\n{_FIXED}{_SHARED}{_SLIDING}{_BUCKET}{_COUNT}"
SCRIPT_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=1024)
def argument_of(policy: Policy, cost: int) -> bytes:
    """Return what the script is told of a hit: one argument, since each costs the client time."""
    window = round(policy.window * 1_000_000)
    return f"{cost} {policy.algorithm} {window} {policy.amount}".encode("ascii")


def counts_in(answer: Sequence[int]) -> Iterator[Count]:
    """Return what the script says of each hit: two numbers."""
    numbers = iter(answer)
    return (Count(hits, left / 1_000_000) for hits, left in zip(numbers, numbers, strict=True))
