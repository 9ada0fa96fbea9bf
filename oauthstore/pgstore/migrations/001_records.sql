DO $$ BEGIN
    -- Not IF NOT EXISTS, which asks for the right to create one in any case.
    IF to_regnamespace('{schema}') IS NULL THEN
        CREATE SCHEMA {schema};
    END IF;
END $$;

CREATE TABLE {schema}.migrations (
    number integer PRIMARY KEY
);

CREATE TABLE {schema}.records (
    digest    bytea       PRIMARY KEY,                           -- SHA-256 of the id: its parts are too long for an index
    seq       bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,   -- the order of pages
    kind      text        COLLATE "C" NOT NULL,
    tenant    text        COLLATE "C" NOT NULL,
    subject   text        COLLATE "C" NOT NULL,
    provider  text        COLLATE "C" NOT NULL,
    account   text        COLLATE "C" NOT NULL,
    server    text        COLLATE "C" NOT NULL,
    version   bigint      NOT NULL,                              -- all 64 bits count: compared for equality only
    data      bytea       NOT NULL,                              -- sealed
    due_at    timestamptz,                                       -- NULL: never
    expire_at timestamptz
);

CREATE INDEX records_owner ON {schema}.records (tenant, subject);
CREATE INDEX records_due ON {schema}.records (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX records_expire ON {schema}.records (expire_at) WHERE expire_at IS NOT NULL;

INSERT INTO {schema}.migrations (number) VALUES (1);
