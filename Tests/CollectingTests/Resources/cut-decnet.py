"""Cuts a small SQL dump out of a DECNET database: python3 cut-decnet.py decnet.db > decnet.sql

Keeps the tables the reader looks at, and two that it must not look at; no more than the rows named below."""
import sqlite3
import sys

ROWS = {
    "attackers": "SELECT * FROM attackers ORDER BY uuid LIMIT 24",
    "logs": "SELECT * FROM logs ORDER BY id LIMIT 26",
    # A dozen from the first half and a dozen from the second: a migrated database has filled the new columns in the second alone.
    "session_profile": "SELECT * FROM session_profile WHERE log_id <= 13 OR log_id BETWEEN 301 AND 313",
    "smtp_targets": "SELECT * FROM smtp_targets ORDER BY id LIMIT 12",
    "observations": "SELECT * FROM observations WHERE primitive IN ('motor.digraph_simhash', 'motor.input_modality') ORDER BY rowid LIMIT 40",
    "attacker_identities": "SELECT * FROM attacker_identities ORDER BY uuid LIMIT 4",
    "users": "SELECT * FROM users LIMIT 0",
}


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


database = sqlite3.connect(f"file:{sys.argv[1]}?immutable=1", uri=True)
for table, query in ROWS.items():
    found = database.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    if not found:
        continue
    print(found[0] + ";")
    for row in database.execute(query):
        print(f"INSERT INTO {table} VALUES ({', '.join(map(literal, row))});")
