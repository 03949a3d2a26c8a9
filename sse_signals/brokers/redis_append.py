"""Appending to a log on Redis: many records in one script, each as if it were alone."""

from __future__ import annotations

from typing import Final, NamedTuple

from sse_signals.brokers.redis_lua import EPOCH, NOW, Script

CONFLICT: Final = -1
FULL: Final = -2

# KEYS: log, meta, idempotency keys, their ends. ARGV: epoch, newest known record, how many records to keep, the window
# of idempotency keys in milliseconds, how many there may be; then for each record: its bytes, its last index, its
# idempotency key or '', the digest or ''.
# Returns the time, and for each record: its number; or number and last index of the one that was there; or {-1} for a
# conflict; or {-2, milliseconds that the table stays full}; or an error, after which nothing more was done. What is in
# by then is counted, whatever happens: a number that the log has is never given again.
APPEND: Final = Script(
    EPOCH
    + NOW
    + """
local function number(value) return string.format('%.0f', value) end
now = math.max(now, tonumber(meta[3]))
local stamp, record, last, held = '-' .. number(now), tonumber(meta[2]), nil, nil
local function known(key, digest)
  local value = redis.call('HGET', KEYS[3], key)
  if value then
    local first, index, over, said = string.match(value, '^(%d+) (%d+) (%d+) (%x+)$')
    if tonumber(over) > now then return said == digest and {tonumber(first), tonumber(index)} or {-1} end
  end
  if not held then
    local over = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', number(now), 'LIMIT', 0, 1000)
    if #over > 0 then
      redis.call('HDEL', KEYS[3], unpack(over))
      redis.call('ZREM', KEYS[4], unpack(over))
    end
    held = redis.call('ZCARD', KEYS[4])
  end
  if held >= tonumber(ARGV[5]) then return {-2, redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2] - now} end
end
local function append(data, index, key, digest)
  local before = key ~= '' and known(key, digest)
  if before then return before end
  local place = number(record + 1)
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], place .. stamp, 'r', data)
  record, last = record + 1, index
  if key ~= '' then
    local over = number(now + ARGV[4])
    redis.call('HSET', KEYS[3], key, place .. ' ' .. index .. ' ' .. over .. ' ' .. digest)
    held = held + redis.call('ZADD', KEYS[4], over, key)
  end
  return record
end
local replies = {now}
for at = 6, #ARGV, 4 do
  local done, reply = pcall(append, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if not done and type(reply) ~= 'table' then reply = {err = reply} end
  replies[#replies + 1] = reply
  if not done then break end
end
if last then
  redis.call('HSET', KEYS[2], 'record', number(record), 'last', last, 'time', number(now))
  if held then
    redis.call('PEXPIRE', KEYS[3], number(ARGV[4] + 60000))
    redis.call('PEXPIRE', KEYS[4], number(ARGV[4] + 60000))
  end
end
return replies
"""
)


class Record(NamedTuple):
    """What the script is told of one record, in its order.

    Attributes:
        data: Its bytes.
        last: The index of its last signal.
        key: Its idempotency key, empty when there is none.
        digest: What that stands for, in hexadecimal digits.
    """

    data: bytes
    last: int
    key: bytes = b""
    digest: str = ""
