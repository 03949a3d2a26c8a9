"""What the Redis server is asked to do at once: Lua scripts.

All keys of a log share the hash tag of its name, so that they are on one server of a cluster. What users have written
travels as arguments only; no key and no script is made of it.

The log is a stream of entries ``<record>-<milliseconds>`` with one field, the record. Beside it stand a hash that says
where the log is (layout, epoch, forks, newest record, its last index, its time, the replication id of its server), the
idempotency keys, and the shared state.
"""

from __future__ import annotations

from typing import Final

from sse_signals.brokers.redis_append import APPEND
from sse_signals.brokers.redis_lua import EPOCH, NOW, Script

LAYOUT: Final = 1  # raised when a hub that knows only the earlier one would do harm
FIELD: Final = "r"

# A value is kept in a hash as "<until> <value>"; the ends in a sorted set show what can be thrown away.
_STATE: Final = (
    NOW
    + """
local function number(value) return string.format('%.0f', value) end
local function held(key)
  local value = redis.call('HGET', KEYS[1], key)
  return value and tonumber(string.match(value, '^%d+')) > now
end
local function keep(key, value, ttl)
  local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', number(now), 'LIMIT', 0, 1000)
  if #over > 0 then
    redis.call('HDEL', KEYS[1], unpack(over))
    redis.call('ZREM', KEYS[2], unpack(over))
    redis.call('ZREM', KEYS[3], unpack(over))
  end
  redis.call('HSET', KEYS[1], key, number(now + ttl) .. ' ' .. value)
  redis.call('ZADD', KEYS[2], 0, key)
  redis.call('ZADD', KEYS[3], number(now + ttl), key)
  if redis.call('PTTL', KEYS[1]) < ttl + 1000 then
    for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, number(ttl + 1000)) end
  end
end
"""
)


# KEYS: log, meta. ARGV: an epoch, in case the log is new; the server's replication id; our layout.
# If only the hash was lost, numbers go on after those of the stream.
GREET: Final = Script(
    """
local fields = {'layout', 'epoch', 'record', 'forks', 'replid'}
local meta = redis.call('HMGET', KEYS[2], unpack(fields))
if not meta[2] then
  local record, time, last = '0', '0', '0'
  if redis.call('EXISTS', KEYS[1]) == 1 then
    local about = redis.call('XINFO', 'STREAM', KEYS[1])
    for at = 1, #about, 2 do
      if about[at] == 'last-generated-id' then record, time = string.match(about[at + 1], '^(%d+)-(%d+)$') end
    end
    last = '1023'
  end
  redis.call('HSET', KEYS[2], 'layout', ARGV[3], 'epoch', ARGV[1], 'record', record, 'last', last, 'time', time,
    'forks', '[]', 'replid', ARGV[2])
  meta = redis.call('HMGET', KEYS[2], unpack(fields))
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
meta[6] = first and string.match(first[1], '^%d+') or string.format('%.0f', meta[3] + 1)
return meta
"""
)

# KEYS: meta. ARGV: the epoch and the replication id there should be; a new epoch, forks, and replication id. The
# position "here" is the end of the newest record.
FORK: Final = Script(
    """
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'replid', 'record')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return 0 end
local forks = string.gsub(ARGV[4], '"here"', string.format('%.0f', meta[3] * 1024 + 1023))
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'forks', forks, 'replid', ARGV[5])
return 1
"""
)

# KEYS: log. ARGV: numbers and times of records, in order. Returns the last one that is still as it was, or 0. What is
# before the first that is not the same was there before the log went backwards.
SAME: Final = Script(
    """
local low, high = 0, #ARGV / 2
while low < high do
  local middle = math.ceil((low + high) / 2)
  local record, time = ARGV[middle * 2 - 1], ARGV[middle * 2]
  local entry = redis.call('XRANGE', KEYS[1], record, record, 'COUNT', 1)[1]
  if entry and entry[1] == record .. '-' .. time then low = middle else high = middle - 1 end
end
return low > 0 and tonumber(ARGV[low * 2 - 1]) or 0
"""
)

# KEYS: log, meta. ARGV: epoch, newest known record. Returns the newest record, its last index, and the oldest held.
HEAD: Final = Script(
    EPOCH
    + """
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {tonumber(meta[2]), tonumber(meta[4]), first and tonumber(string.match(first[1], '^%d+')) or meta[2] + 1}
"""
)

# KEYS: log. ARGV: bytes that it may take, and milliseconds that a record is kept.
TRIM: Final = Script(
    NOW
    + """
local size = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 50) or 0
if size > tonumber(ARGV[1]) then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', math.floor(redis.call('XLEN', KEYS[1]) * ARGV[1] / size))
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return 0 end
local function place(entry)
  local record, time = string.match(entry[1], '^(%d+)-(%d+)$')
  return tonumber(record), tonumber(time)
end
local low = place(first)
local high = place(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]) + 1
local oldest = now - ARGV[2]
while low < high do
  local middle = math.floor((low + high) / 2)
  local _, time = place(redis.call('XRANGE', KEYS[1], string.format('%.0f', middle), '+', 'COUNT', 1)[1])
  if time < oldest then low = middle + 1 else high = middle end
end
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', low))
"""
)

# KEYS: values, names, ends. ARGV: key, milliseconds.
CLAIM: Final = Script(_STATE + "if held(ARGV[1]) then return 0 end keep(ARGV[1], '', tonumber(ARGV[2])) return 1")

# KEYS: values, names, ends. ARGV: key, milliseconds, value.
PUT: Final = Script(_STATE + "keep(ARGV[1], ARGV[3], tonumber(ARGV[2])) return 1")

# KEYS: values, names. ARGV: prefix. Returns names and values in turn. No name holds the byte 255: UTF-8 has none.
ITEMS: Final = Script(
    NOW
    + """
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1], '(' .. ARGV[1] .. '\\255')) do
  local value = redis.call('HGET', KEYS[1], key)
  local over = value and string.match(value, '^%d+')
  if over and tonumber(over) > now then
    found[#found + 1] = key
    found[#found + 1] = string.sub(value, #over + 2)
  end
end
return found
"""
)

ALL: Final = (GREET, FORK, SAME, HEAD, APPEND, TRIM, CLAIM, PUT, ITEMS)


def load() -> list[tuple[str | bytes | int, ...]]:
    """Return the commands that have the server know all scripts."""
    return [("SCRIPT", "LOAD", script.text) for script in ALL]
