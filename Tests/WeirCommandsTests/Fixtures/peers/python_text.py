"""Runs the Python text on standard input, as a reader of the documentation would, in a folder.

python_text.py FOLDER

DuckDB's extensions are loaded by path where the text installs them: no network.
"""

import os
import sys

import duckdb

import duckdb_engine

duckdb.set_default_connection(duckdb_engine.connect())
plain_sql = duckdb.sql
duckdb.sql = lambda text: None if text.startswith("INSTALL") else plain_sql(text)

os.chdir(sys.argv[1])
exec(compile(sys.stdin.read(), "documentation", "exec"), {"__name__": "__main__"})
