"""Prints a table's rows as DuckDB reads them, one JSON object per row.

duckdb_scan.py METADATA_JSON_PATH [--snapshot ID] [--where SQL] [--columns a,b]
"""

import argparse

import duckdb_engine
import json_rows

arguments = argparse.ArgumentParser()
arguments.add_argument("metadata")
arguments.add_argument("--snapshot", type=int)
arguments.add_argument("--where", default="true")
arguments.add_argument("--columns", default="*")
options = arguments.parse_args()

path = options.metadata.removeprefix("file://").replace("'", "''")
snapshot = f", snapshot_from_id => {options.snapshot}" if options.snapshot else ""
query = f"SELECT {options.columns} FROM iceberg_scan('{path}'{snapshot}) WHERE {options.where}"
json_rows.print_rows(duckdb_engine.connect().execute(query).to_arrow_table())
