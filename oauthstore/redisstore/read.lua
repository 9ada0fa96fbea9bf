-- Reads one record: the clock, then its fields.
--
-- KEYS: 1 the record

return {redis.call('TIME'), redis.call('HMGET', KEYS[1], 'id', 'version', 'data', 'due', 'expire')}
