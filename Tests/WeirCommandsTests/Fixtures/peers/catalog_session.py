"""Holds a transaction on a catalog as another engine's session does, until its standard input ends.

catalog_session.py CATALOG_DB read|write
"""

import sqlite3
import sys

path, kind = sys.argv[1:3]
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("BEGIN IMMEDIATE" if kind == "write" else "BEGIN")
connection.execute("SELECT count(*) FROM iceberg_tables").fetchone()
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
print("released", flush=True)
