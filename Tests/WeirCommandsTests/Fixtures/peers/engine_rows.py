"""Prints the rows of several tables as PyIceberg and DuckDB read them, one JSON object per row.

    engine_rows.py CATALOG_DB WAREHOUSE DB.TABLE...

Rows are `{"engine": "pyiceberg", "table": "db.table", "row": {…}}`. For the columns that a table is partitioned by,
PyIceberg also looks for each value with a filter, which prunes by partition values and bounds; a filter that finds
more or fewer rows than the whole scan holds is `{"engine": "pyiceberg", "table": …, "problem": "…"}`.
"""

import sys

from pyiceberg.expressions import EqualTo, IsNull

import duckdb_engine
import json_rows
import warehouse

catalog_db, root, *names = sys.argv[1:]
catalog = warehouse.open_catalog(catalog_db, root)
connection = duckdb_engine.connect()


def report(engine, name, **what):
    print(json_rows.line({"engine": engine, "table": name} | what))


def filter_problems(table, rows):
    for column in {table.schema().find_column_name(field.source_id) for field in table.spec().fields}:
        values = rows.column(column).to_pylist()
        for value in sorted(set(values), key=repr)[:4]:
            if value != value:
                continue  # No number equals NaN.
            condition = IsNull(column) if value is None else EqualTo(column, value)
            found = table.scan(row_filter=condition, selected_fields=(column,)).to_arrow().num_rows
            if found != values.count(value):
                yield f"{condition} finds {found} rows of {values.count(value)}"


for name in names:
    table = catalog.load_table(name)
    rows = table.scan().to_arrow()
    for row in json_rows.rows(rows, warehouse.uuid_columns(table)):
        report("pyiceberg", name, row=row)
    for problem in filter_problems(table, rows):
        report("pyiceberg", name, problem=problem)
    path = table.metadata_location.removeprefix("file://").replace("'", "''")
    result = connection.execute(f"SELECT * FROM iceberg_scan('{path}')").to_arrow_table()
    for row in json_rows.rows(result):
        report("duckdb", name, row=row)
