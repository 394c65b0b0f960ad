"""Reads Weir tables with PyIceberg and DuckDB, appends five rows to each, and makes a table of its own beside them.

check_tables.py CATALOG_DB WAREHOUSE (DB.TABLE METADATA_JSON)...
"""

import sys
import sysconfig
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

database, warehouse = sys.argv[1:3]
catalog = SqlCatalog("weir", uri=f"sqlite:///{database}", warehouse=warehouse)
connection = duckdb.connect(
    config={
        "allow_unsigned_extensions": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
)
packages = Path(sysconfig.get_paths()["purelib"])
for extension in ("avro", "httpfs", "iceberg"):
    path = packages / f"duckdb_extension_{extension}/extensions/v{duckdb.__version__}/{extension}.duckdb_extension"
    connection.execute(f"LOAD '{path}'")


def check(name, metadata):
    table = catalog.load_table(name)
    rows = table.scan().to_arrow()
    assert rows.num_rows == len(set(rows["id"].to_pylist()))
    # Metrics and partition values must not hide a row from a filter that it passes.
    for row in rows.to_pylist()[::5]:
        found = table.scan(row_filter=f"id = {row['id']} and name = '{row['name']}'").to_arrow()
        assert found.num_rows == 1, row
    assert table.inspect.manifests().num_rows > 0
    assert table.inspect.partitions().num_rows > 0
    duck = connection.execute(f"SELECT id, name, price FROM iceberg_scan('{metadata}')").fetchall()
    assert sorted(row[0] for row in duck) == sorted(rows["id"].to_pylist())
    new = [{"id": 100 + i, "at": None, "name": "theirs", "price": Decimal("1.25")} for i in range(5)]
    table.append(pa.Table.from_pylist(new, schema=table.schema().as_arrow()))
    print(f"{name} rows {rows.num_rows} duckdb {len(duck)} appended {len(new)}")


for name, metadata in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
    check(name, metadata)
catalog.create_namespace("made_by_pyiceberg")
catalog.create_table("made_by_pyiceberg.t", catalog.load_table(sys.argv[3]).schema())
