CREATE TABLE toolgrant_migrations (
    number INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE toolgrant_records (
    seq       INTEGER PRIMARY KEY, -- the order of pages
    kind      TEXT    NOT NULL,
    tenant    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    provider  TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    server    TEXT    NOT NULL,
    version   INTEGER NOT NULL,    -- all 64 bits count: compared for equality only
    data      BLOB    NOT NULL,    -- sealed
    due_at    INTEGER,             -- microseconds since 1970; NULL: never
    expire_at INTEGER,
    UNIQUE (kind, tenant, subject, provider, account, server)
) STRICT;

-- The rows of an index with equal columns are in the order of seq.
CREATE INDEX toolgrant_records_kind ON toolgrant_records (kind);
CREATE INDEX toolgrant_records_tenant ON toolgrant_records (tenant);
CREATE INDEX toolgrant_records_owner ON toolgrant_records (tenant, subject);
CREATE INDEX toolgrant_records_due ON toolgrant_records (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX toolgrant_records_expire ON toolgrant_records (expire_at) WHERE expire_at IS NOT NULL;

INSERT INTO toolgrant_migrations (number) VALUES (1);
