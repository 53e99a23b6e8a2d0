//! The database's tables, as the migrations that made them. Instants are milliseconds since 1970,
//! JSON is text, and what the program promises is written as a constraint where SQL has one.

use super::StoreError;
use super::error::sql_error;
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use std::path::Path;

/// One string a version, oldest first. A released one is never edited: a change is a new one.
const VERSIONS: &[M<'static>] = &[
    M::up(FIRST),
    M::up(ELEVATED),
    M::up(HISTORY),
    M::up(CHANNELS),
];

const FIRST: &str = "
-- One row a life of a session key: from its first message, or a reset, to the next reset.
CREATE TABLE sessions (
    number        INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    key           TEXT    NOT NULL,
    agent         TEXT    NOT NULL,
    model         TEXT,                        -- pinned by the person
    begun_at      INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    items         INTEGER NOT NULL DEFAULT 0,  -- the last item's id
    turns         INTEGER NOT NULL DEFAULT 0,  -- the last turn's id
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX one_current_life ON sessions (key) WHERE ended_at IS NULL;

CREATE TABLE turns (
    session     INTEGER NOT NULL REFERENCES sessions (number),
    turn        INTEGER NOT NULL,
    begun_at    INTEGER NOT NULL,
    ended_at    INTEGER,
    outcome     TEXT,
    reply       TEXT,                          -- emptied once nobody can ask for it any more
    model_calls INTEGER NOT NULL DEFAULT 0,
    tokens      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session, turn)
) STRICT;
CREATE UNIQUE INDEX one_running_turn ON turns (session) WHERE ended_at IS NULL;
CREATE INDEX kept_replies ON turns (ended_at) WHERE reply IS NOT NULL;

CREATE TABLE items (
    session INTEGER NOT NULL REFERENCES sessions (number),
    item    INTEGER NOT NULL,
    turn    INTEGER NOT NULL,                  -- 0 before the first turn
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (session, item)
) STRICT;
CREATE INDEX summaries ON items (session, item) WHERE kind = 'summary';

-- A tool call is begun at most once and ended at most once, whoever asks how often.
CREATE TABLE calls (
    session  INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    idx      INTEGER NOT NULL,
    turn     INTEGER NOT NULL,
    tool     TEXT    NOT NULL,
    begun_at INTEGER,                          -- NULL: it ended without having been begun
    ended_at INTEGER,
    PRIMARY KEY (session, item, idx),
    FOREIGN KEY (session, item) REFERENCES items (session, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE inputs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT    NOT NULL UNIQUE,
    session_key TEXT    NOT NULL,
    agent       TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    accepted_at INTEGER NOT NULL,
    session     INTEGER,                       -- the life and turn that took it
    turn        INTEGER,
    answered_at INTEGER,
    FOREIGN KEY (session, turn) REFERENCES turns (session, turn),
    CHECK ((session IS NULL) = (turn IS NULL)),
    CHECK (answered_at IS NULL OR turn IS NOT NULL)
) STRICT;
CREATE INDEX waiting_inputs  ON inputs (session_key, id) WHERE turn IS NULL;
CREATE INDEX taken_inputs    ON inputs (session, turn)   WHERE turn IS NOT NULL;
CREATE INDEX answered_inputs ON inputs (answered_at)     WHERE answered_at IS NOT NULL;

-- A turn has one reply, and it is written here before it is sent.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    turn    INTEGER NOT NULL,
    channel TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    sent_at INTEGER,
    UNIQUE (session, turn),
    FOREIGN KEY (session, turn) REFERENCES turns (session, turn)
) STRICT;
CREATE INDEX unsent ON outbox (id)      WHERE sent_at IS NULL;
CREATE INDEX sent   ON outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE TABLE usage (
    day     INTEGER NOT NULL,                  -- days since 1970, UTC
    session INTEGER NOT NULL REFERENCES sessions (number),
    model   TEXT    NOT NULL,
    calls   INTEGER NOT NULL DEFAULT 0,
    input   INTEGER NOT NULL DEFAULT 0,
    output  INTEGER NOT NULL DEFAULT 0,
    cached  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, session, model)
) STRICT, WITHOUT ROWID;

-- OpenClaw's own lists of sessions that were taken over, as they were then.
CREATE TABLE imports (
    file        TEXT PRIMARY KEY,
    modified_at INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

const HISTORY: &str = "
-- What sessions used of the machine. A session of a key is not told from the one before a reset.
CREATE TABLE history (
    session        TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    minutes        INTEGER NOT NULL,           -- 1, or 60 of what is more than a day old
    agent          TEXT    NOT NULL,
    cpu_ms         INTEGER NOT NULL,
    memory_peak    INTEGER NOT NULL,
    processes_peak INTEGER NOT NULL,
    read           INTEGER NOT NULL,
    written        INTEGER NOT NULL,
    received       INTEGER NOT NULL,
    sent           INTEGER NOT NULL,
    PRIMARY KEY (session, at, minutes)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_by_time ON history (at);
";

const CHANNELS: &str = "
ALTER TABLE inputs ADD COLUMN images TEXT;      -- pictures that came with the words, as JSON

-- What a channel's server told us, on disk before the server is told that we have it.
CREATE TABLE updates (
    bot    INTEGER NOT NULL,                    -- the account it came to, as the server numbers it
    id     INTEGER NOT NULL,                    -- the server's own number; it may say one twice
    at     INTEGER NOT NULL,
    chat   INTEGER,                             -- where it happened; NULL: nowhere, or not readable
    sender INTEGER,
    state  TEXT    NOT NULL CHECK (state IN ('new', 'held', 'heard', 'done', 'unreadable')),
    body   TEXT,                                -- emptied once it is done
    PRIMARY KEY (bot, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX new_updates   ON updates (bot, chat, id)         WHERE state = 'new';
CREATE INDEX kept_updates  ON updates (bot, state, chat, id)  WHERE state IN ('held', 'heard');
CREATE INDEX updates_by_time ON updates (at);

-- What a channel says that is no turn's reply. Said twice under one key, it is one.
CREATE TABLE notices (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    key     TEXT    NOT NULL UNIQUE,
    channel TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
CREATE INDEX unsent_notices ON notices (id)      WHERE sent_at IS NULL;
CREATE INDEX sent_notices   ON notices (sent_at) WHERE sent_at IS NOT NULL;

-- Our messages at a channel's server, each written here before it is sent.
CREATE TABLE posts (
    key     TEXT PRIMARY KEY,                   -- what it is part of: reply:7:0, notice:3:0, live:KEY
    channel TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    after   INTEGER NOT NULL,                   -- the newest message known there when it was begun
    message INTEGER,                            -- NULL: not known to have arrived
    text    TEXT,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX posts_by_time ON posts (at);

-- What a person set for one session by chat command; it outlives a reset.
CREATE TABLE settings (
    session TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (session, name)
) STRICT, WITHOUT ROWID;
";

const ELEVATED: &str = "
ALTER TABLE sessions ADD COLUMN elevated TEXT;  -- what was last said with /elevated
";

/// The newest schema version this program knows.
pub(super) const NEWEST: u64 = VERSIONS.len() as u64;

/// Brings the database to [`NEWEST`], in one transaction.
pub(super) fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    if version(connection, file)? == NEWEST {
        return Ok(());
    }
    Migrations::from_slice(VERSIONS)
        .to_latest(connection)
        .map_err(|error| open_error(file, error.to_string()))
}

/// That the database is of [`NEWEST`], for one who may not change it.
pub(super) fn check(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    if version(connection, file)? == NEWEST {
        return Ok(());
    }
    let cause = "an older openclaw wrote it; start the gateway once to bring it up to date";
    Err(open_error(file, cause.to_owned()))
}

/// The database's version, as far as this program knows it.
fn version(connection: &Connection, file: &Path) -> Result<u64, StoreError> {
    let found = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        .map_err(|error| sql_error(error, file))?;
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    if found > NEWEST {
        return Err(StoreError::Newer {
            file: file.to_owned(),
            found,
            known: NEWEST,
        });
    }
    Ok(found)
}

fn open_error(file: &Path, cause: String) -> StoreError {
    StoreError::Open {
        file: file.to_owned(),
        cause,
    }
}

/// A database as an older program left it.
#[cfg(test)]
pub(super) fn of_version(version: usize, file: &Path) {
    let mut connection = Connection::open(file).unwrap();
    let migrations = Migrations::from_slice(VERSIONS);
    migrations.to_version(&mut connection, version).unwrap();
}
