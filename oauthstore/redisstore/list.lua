-- Reads the records of a stretch of an index: the clock, then for each its
-- member of the index and its fields.
--
-- KEYS: 1 the index; the records' keys follow from the digests, and have the same hash tag
-- ARGV: 1 and 2 the limits of the stretch, as for ZRANGEBYLEX; 3 how many at most; 4 what the records' keys begin with

local rows = {redis.call('TIME')}
for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
	rows[#rows + 1] = {member, redis.call('HMGET', ARGV[4] .. string.sub(member, -43), 'id', 'version', 'data', 'due', 'expire')}
end
return rows
