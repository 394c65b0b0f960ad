"""Reads and changes tables with columns id and name in many warehouses, one JSON object a line, answered by one.

    {"do": "rows", "engine": "pyiceberg"|"duckdb", "metadata": PATH}   [[id, name], …]
    {"do": "append", "catalog": DB, "warehouse": DIR, "table": NAME, "rows": [[id, name], …]}
    {"do": "delete", "catalog": DB, "warehouse": DIR, "table": NAME, "ids": [id, …]}

An answer is `{"rows": …}`, or `{"error": "…"}` when the engine has refused.
"""

import json
import sys

import pyarrow as pa
from pyiceberg.expressions import In
from pyiceberg.table import StaticTable

import duckdb_engine
import warehouse

engine = None


def read(request):
    global engine
    path = request["metadata"].removeprefix("file://")
    if request["engine"] == "pyiceberg":
        rows = StaticTable.from_metadata(path).scan(selected_fields=("id", "name")).to_arrow()
    else:
        engine = engine or duckdb_engine.connect()
        rows = engine.execute(f"SELECT id, name FROM iceberg_scan('{path}')").to_arrow_table()
    return list(zip(rows["id"].to_pylist(), rows["name"].to_pylist()))


def append(request):
    table = open_table(request)
    ids, names = zip(*request["rows"])
    columns = {"id": pa.array(ids, pa.int64()), "name": pa.array(names, pa.string())}
    schema = table.schema().as_arrow()
    fields = [pa.field(field.name, columns[field.name].type, nullable=field.nullable) for field in schema]
    table.append(pa.table([columns[field.name] for field in fields], schema=pa.schema(fields)))


def delete(request):
    open_table(request).delete(In("id", request["ids"]))


def open_table(request):
    catalog = warehouse.open_catalog(request["catalog"], request["warehouse"])
    return catalog.load_table(request["table"])


actions = {"rows": read, "append": append, "delete": delete}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"rows": actions[request["do"]](request) or []}
    except Exception as problem:
        answer = {"error": f"{type(problem).__name__}: {problem}"[:500]}
    print(json.dumps(answer, ensure_ascii=False), flush=True)
