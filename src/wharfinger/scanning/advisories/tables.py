"""The file that a set of advisories is kept in: SQLite, and nothing else is in it."""

FORMAT = "wharfinger-advisories/2"
"""The number is another whenever the tables are, or what is made of a record; such a set is made anew."""
FORMATS = "wharfinger-advisories/"

TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE container (name TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE source (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, container TEXT NOT NULL, licence TEXT NOT NULL
);
CREATE TABLE record (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source, advisory TEXT NOT NULL, hash BLOB NOT NULL,
    withdrawn INTEGER NOT NULL, facts BLOB NOT NULL
);
CREATE TABLE named (name TEXT NOT NULL, record INTEGER NOT NULL REFERENCES record);
CREATE TABLE ecosystem (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE affected (
    ecosystem INTEGER NOT NULL REFERENCES ecosystem, name TEXT NOT NULL, low BLOB NOT NULL, high BLOB NOT NULL,
    record INTEGER NOT NULL REFERENCES record, fixed TEXT, state TEXT NOT NULL, stream TEXT, platforms TEXT
);
CREATE TABLE enrichment (
    id INTEGER PRIMARY KEY, container TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, hash BLOB NOT NULL,
    entries INTEGER NOT NULL, UNIQUE (container, name)
);
CREATE TABLE rating (
    vulnerability TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, vector TEXT,
    enrichment INTEGER NOT NULL REFERENCES enrichment
);
CREATE TABLE exploited (
    vulnerability TEXT NOT NULL, day TEXT NOT NULL, enrichment INTEGER NOT NULL REFERENCES enrichment
);
CREATE TABLE likelihood (
    vulnerability TEXT NOT NULL, score REAL NOT NULL, enrichment INTEGER NOT NULL REFERENCES enrichment
);
CREATE TABLE ends (
    distribution TEXT NOT NULL, release TEXT NOT NULL, day TEXT NOT NULL,
    enrichment INTEGER NOT NULL REFERENCES enrichment
);
"""

INDEXES = """
CREATE UNIQUE INDEX IF NOT EXISTS record_by_id ON record (source, advisory);
CREATE INDEX IF NOT EXISTS named_by_name ON named (name);
CREATE INDEX IF NOT EXISTS named_by_record ON named (record);
CREATE INDEX IF NOT EXISTS affected_by_package ON affected (ecosystem, name, low, high);
CREATE INDEX IF NOT EXISTS affected_by_record ON affected (record);
CREATE INDEX IF NOT EXISTS rating_by_vulnerability ON rating (vulnerability);
CREATE INDEX IF NOT EXISTS exploited_by_vulnerability ON exploited (vulnerability);
CREATE INDEX IF NOT EXISTS likelihood_by_vulnerability ON likelihood (vulnerability);
"""

ENRICHED = ("rating", "exploited", "likelihood", "ends")
"""The tables whose rows belong to an enrichment."""
