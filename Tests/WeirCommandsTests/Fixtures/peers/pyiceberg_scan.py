"""Prints a table's rows as PyIceberg reads them, one JSON object per row.

pyiceberg_scan.py CATALOG_DB WAREHOUSE DB.TABLE [--snapshot ID] [--where EXPRESSION] [--columns a,b] [--limit N]
"""

import argparse

import json_rows
import warehouse

arguments = argparse.ArgumentParser()
arguments.add_argument("catalog_db")
arguments.add_argument("warehouse")
arguments.add_argument("table")
arguments.add_argument("--snapshot", type=int)
arguments.add_argument("--where", help="PyIceberg's row filter, such as: order_id > 5 and status = 'paid'")
arguments.add_argument("--columns", type=lambda names: tuple(names.split(",")), default=("*",))
arguments.add_argument("--limit", type=int)
options = arguments.parse_args()

table = warehouse.open_catalog(options.catalog_db, options.warehouse).load_table(options.table)
scan = table.scan(
    **({"row_filter": options.where} if options.where else {}),
    selected_fields=options.columns,
    snapshot_id=options.snapshot,
    limit=options.limit,
)
json_rows.print_rows(scan.to_arrow(), warehouse.uuid_columns(table))
