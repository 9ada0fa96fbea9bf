-- Reads records: the clock, then the fields of each.
--
-- KEYS: the records

local rows = {redis.call('TIME')}
for i, key in ipairs(KEYS) do
	rows[i + 1] = redis.call('HMGET', key, 'id', 'version', 'data', 'due', 'expire')
end
return rows
