"""Prints the current metadata file of a table, as the manual's recipe for DuckDB looks it up.

catalog_metadata.py CATALOG_DB NAMESPACE TABLE
"""

import sqlite3
import sys

query = "SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?"
print(sqlite3.connect(sys.argv[1]).execute(query, sys.argv[2:4]).fetchone()[0])
