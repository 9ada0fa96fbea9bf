-- Compares and writes, or deletes, one record.
--
-- KEYS: 1 the record; the indexes: 2 all, 3 of the owner, 4 by due time, 5 by expiry
-- ARGV: 1 the version that is expected, "0" for none; 2 the digest of the id; 3 the name of this write;
--       4 the channel; 5 the id as text; then, unless it is a deletion, 6 the new version; 7 the data;
--       8 due time and 9 expiry, as 18 digits or ""
-- Returns 0 done, 1 conflict, 2 not found.

local old = redis.call('HMGET', KEYS[1], 'version', 'due', 'expire', 'write')
local version = old[1] or '0'
if old[4] == ARGV[3] then
	return 0 -- the client has sent it again: its answer was lost
end
if #ARGV == 5 and version == '0' then
	return 2
end
if version ~= ARGV[1] then
	return 1
end

-- Times are part of the member, not the score, which is a double.
local function move(index, from, to)
	if from and from ~= '' then
		redis.call('ZREM', index, from .. ARGV[2])
	end
	if to and to ~= '' then
		redis.call('ZADD', index, 0, to .. ARGV[2])
	end
end
move(KEYS[4], old[2], ARGV[8])
move(KEYS[5], old[3], ARGV[9])

if #ARGV == 5 then
	redis.call('DEL', KEYS[1])
	redis.call('ZREM', KEYS[2], ARGV[2])
	redis.call('ZREM', KEYS[3], ARGV[2])
else
	redis.call('HSET', KEYS[1], 'id', ARGV[5], 'version', ARGV[6], 'data', ARGV[7],
		'due', ARGV[8], 'expire', ARGV[9], 'write', ARGV[3])
	redis.call('ZADD', KEYS[2], 0, ARGV[2])
	redis.call('ZADD', KEYS[3], 0, ARGV[2])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 0
