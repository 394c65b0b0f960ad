"""Makes a warehouse with PyIceberg and prints what Weir must read from it.

    pyiceberg_create.py WAREHOUSE

Creates WAREHOUSE/catalog.db with tables of all types, of each partition transform, with several appends, after a
delete, after the schema or the partition spec changed, and of files that lack columns or field ids, as migrated tables
have them. Prints one JSON object per row, `{"table": "db.name", "row": {…}}`, and one per
snapshot of db.appends, `{"table": "db.appends", "snapshot": ID, "count": N}`.
"""

import sys
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    VoidTransform,
    YearTransform,
)
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

import json_rows
import warehouse

root = Path(sys.argv[1]).resolve()
root.mkdir(parents=True, exist_ok=True)
catalog = warehouse.open_catalog(root / "catalog.db", root, create=True)
catalog.create_namespace("db")

NESTED = [
    (20, "tags", ListType(21, StringType(), element_required=False)),
    (22, "address", StructType(NestedField(23, "city", StringType()), NestedField(24, "zip", IntegerType()))),
    (25, "counts", MapType(26, StringType(), 27, LongType(), value_required=False)),
]
FLAT = [
    (2, "flag", BooleanType()),
    (3, "small", IntegerType()),
    (4, "large", LongType()),
    (5, "single", FloatType()),
    (6, "double_", DoubleType()),
    (7, "price", DecimalType(9, 2)),
    (8, "exact", DecimalType(18, 6)),
    (9, "huge", DecimalType(38, 10)),
    (10, "day", DateType()),
    (11, "clock", TimeType()),
    (12, "local", TimestampType()),
    (13, "instant", TimestamptzType()),
    (14, "text", StringType()),
    (15, "bytes_", BinaryType()),
    (16, "code", FixedType(4)),
    (17, "uuid_", UUIDType()),
]


def schema(fields):
    return Schema(
        NestedField(1, "id", LongType(), required=True), *(NestedField(i, name, kind) for i, name, kind in fields)
    )


def flat_row(i, **values):
    instant = datetime(2024, 2, 28, 22, 30, tzinfo=timezone.utc) + timedelta(hours=i, microseconds=i)
    row = {
        "id": i,
        "flag": i % 2 == 0,
        "small": i - 5,
        "large": i * 10**15,
        "single": i / 10,
        "double_": i / 7,
        "price": Decimal(i * 125 - 300) / 100,
        "exact": Decimal(i) / 1000 - 1,
        "huge": Decimal(i) * 10**20,
        "day": date(2024, 2, 25) + timedelta(days=i),
        "clock": time(i % 24, 59, 59, 999999 - i),
        "local": instant.replace(tzinfo=None),
        "instant": instant,
        "text": ["alpha", "beta", "gamma", "δέλτα", "🦆 duck"][i % 5],
        "bytes_": bytes(range(i % 6)),
        "code": bytes([i, 0, 255, 127]),
        "uuid_": UUID(int=i << 64 | 0xABCDEF).bytes,
    }
    return row | values


NULLS = {name: None for _, name, _ in FLAT}
EXTREMES = [
    flat_row(100, small=-(2**31), large=-(2**63), single=float("nan"), double_=float("-inf"), text="", bytes_=b""),
    flat_row(101, small=2**31 - 1, large=2**63 - 1, single=float("inf"), double_=-0.0, text="'\"\\\n\t\u0000€"),
    flat_row(102, price=Decimal("-9999999.99"), huge=Decimal("9" * 28 + "." + "9" * 10), day=date(1, 1, 1)),
    flat_row(103, day=date(9999, 12, 31), single=1e-45, double_=1.7976931348623157e308, clock=time(0, 0)),
    flat_row(104, local=datetime(1969, 12, 31, 23, 59, 59, 999999), day=date(1969, 12, 31), uuid_=b"\xff" * 16),
    flat_row(105, instant=datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=timezone.utc), single=3.4028234663852886e38),
]


def append(table, rows):
    """UUIDs travel as 16 bytes; PyIceberg takes Arrow tables whose types match its schema."""
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))


def create(name, fields, rows_per_append, partition=None):
    spec = PartitionSpec(PartitionField(partition[0], 1000, partition[1], "part")) if partition else PartitionSpec()
    table = catalog.create_table(f"db.{name}", schema(fields), partition_spec=spec)
    for rows in rows_per_append:
        append(table, rows)
    return table


def print_table(name):
    table = catalog.load_table(f"db.{name}")
    for row in json_rows.rows(table.scan().to_arrow(), warehouse.uuid_columns(table)):
        print(json_rows.line({"table": f"db.{name}", "row": row}))


names = []


def finish(name):
    names.append(name)


create("types", FLAT, [[flat_row(i) for i in range(1, 20)], [flat_row(50, **NULLS)], EXTREMES])
finish("types")

create(
    "nested",
    NESTED,
    [
        [
            {
                "id": 1,
                "tags": ["a", None, ""],
                "address": {"city": "Oslo", "zip": 150},
                "counts": [("x", 1), ("y", None)],
            },
            {"id": 2, "tags": [], "address": {"city": None, "zip": None}, "counts": []},
            {"id": 3, "tags": None, "address": None, "counts": None},
        ],
        [{"id": 4, "tags": ["ß"], "address": {"city": "Łódź", "zip": -1}, "counts": [("", 2**63 - 1)]}],
    ],
)
finish("nested")

create("empty", FLAT, [])
finish("empty")

plain = [flat_row(i) for i in range(1, 40)] + [flat_row(60, **NULLS)]
for name, source, transform in [
    ("by_identity_text", 14, IdentityTransform()),
    ("by_identity_int", 3, IdentityTransform()),
    ("by_identity_date", 10, IdentityTransform()),
    ("by_identity_decimal", 7, IdentityTransform()),
    ("by_bucket_long", 1, BucketTransform(4)),
    ("by_bucket_text", 14, BucketTransform(7)),
    ("by_bucket_uuid", 17, BucketTransform(3)),
    ("by_truncate_text", 14, TruncateTransform(2)),
    ("by_truncate_long", 4, TruncateTransform(10)),
    ("by_year", 10, YearTransform()),
    ("by_month", 12, MonthTransform()),
    ("by_day", 13, DayTransform()),
    ("by_hour", 13, HourTransform()),
]:
    create(name, FLAT, [plain[:20], plain[20:]], (source, transform))
    finish(name)

appends = create(
    "appends", FLAT[:4], [[{"id": i * 10 + j, "small": i, "large": j} for j in range(5)] for i in range(6)]
)
finish("appends")

deleted = create("deleted", FLAT, [plain[:20], plain[20:]], (14, IdentityTransform()))
deleted.delete("id >= 5 and id < 12")
deleted.delete("text = 'gamma'")
finish("deleted")

evolved = create("evolved", FLAT[:6], [[flat_row(i) for i in range(1, 5)]])
with evolved.update_schema() as update:
    update.rename_column("large", "big")
    update.update_column("small", LongType())
    update.update_column("single", DoubleType())
    update.update_column("price", DecimalType(18, 2))
    update.delete_column("flag")
    update.add_column("added", StringType())
    update.move_first("added")
append(
    evolved,
    [{"added": "new", "id": 9, "small": 2**40, "big": 7, "single": 0.1, "double_": 2.5, "price": Decimal("1.10")}],
)
finish("evolved")

respecced = create("respecced", FLAT, [plain[:5], plain[5:10], plain[10:20]])
with respecced.update_spec() as update:
    update.add_field("text", IdentityTransform(), "text")
append(respecced, plain[20:30])
append(respecced, plain[30:])
respecced.delete("id = 25 or id = 3")
finish("respecced")


def write_some(table, rows, lacking=(), ids=True):
    """A Parquet file of the rows without some of the columns, and without field ids when told so."""
    fields = [field for field in table.schema().as_arrow() if field.name not in lacking]
    folder = root / "migrated" / table.name()[-1]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    kept = [{name: value for name, value in row.items() if name not in lacking} for row in rows]
    arrow = pa.schema(fields if ids else [field.remove_metadata() for field in fields])
    pq.write_table(pa.Table.from_pylist(kept, schema=arrow), path, store_schema=False)
    return path


def add(table, path, partition):
    """Takes a file in whose partition values are known from elsewhere, as migrating a Hive table does."""
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"file://{path}",
        file_format=FileFormat.PARQUET,
        partition=Record(*partition),
        record_count=pq.read_metadata(path).num_rows,
        file_size_in_bytes=path.stat().st_size,
        column_sizes={},
        value_counts={},
        null_value_counts={},
        nan_value_counts={},
        lower_bounds={},
        upper_bounds={},
        spec_id=table.spec().spec_id,
    )
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append_files:
        append_files.append_data_file(file)


def map_names(table):
    with table.transaction() as transaction:
        transaction.set_properties({"schema.name-mapping.default": table.schema().name_mapping.model_dump_json()})


# Hive keeps the columns a table is partitioned by in folder names alone. A value that is derived from a column says
# nothing about it.
lacking = ("text", "small", "day", "price")
hive = catalog.create_table(
    "db.hive",
    schema(FLAT),
    partition_spec=PartitionSpec(
        PartitionField(14, 1000, IdentityTransform(), "text"),
        PartitionField(3, 1001, IdentityTransform(), "small"),
        PartitionField(10, 1002, IdentityTransform(), "day"),
        PartitionField(7, 1003, IdentityTransform(), "price"),
        PartitionField(4, 1004, VoidTransform(), "large_null"),
        PartitionField(1, 1005, BucketTransform(1), "id_bucket"),
    ),
)
map_names(hive)
for number, (text, small, day, price) in enumerate(
    [("east", 7, date(2024, 2, 29), Decimal("1.25")), ("west", -3, date(1969, 12, 31), Decimal("-0.01"))]
):
    values = {"text": text, "small": small, "day": day, "price": price}
    partition = (text, small, (day - date(1970, 1, 1)).days, price, None, 0)
    for part in range(2):
        rows = [flat_row(number * 10 + part * 4 + i, **values) for i in range(1, 4)]
        add(hive, write_some(hive, rows, lacking, ids=part == 0), partition)
finish("hive")

# Taken in without field ids; columns were renamed, dropped and added afterwards.
mapped = catalog.create_table("db.mapped", schema(FLAT[:8]))
map_names(mapped)
mapped.add_files([f"file://{write_some(mapped, plain[i : i + 9], ids=False)}" for i in (0, 9)])
with mapped.update_schema() as update:
    update.rename_column("large", "big")
    update.delete_column("flag")
    update.add_column("added", StringType())
    update.rename_column("small", "little")
mapped = catalog.load_table("db.mapped")
append(mapped, [{"id": 99, "little": 1, "big": 2, "single": 0.5, "double_": 1.5, "added": "new"}])
finish("mapped")

# Files of the first spec hold the column whose value the partition of the second one holds.
repartitioned = create("repartitioned", FLAT[:3] + FLAT[12:13], [])
append(repartitioned, [{"id": i, "flag": None, "small": i, "large": i, "text": "old"} for i in range(4)])
with repartitioned.update_spec() as update:
    update.add_field("text", IdentityTransform(), "text")
repartitioned = catalog.load_table("db.repartitioned")
for i in (10, 20):
    rows = [{"id": i + j, "flag": True, "small": j, "large": None} for j in range(3)]
    add(repartitioned, write_some(repartitioned, rows, ("text",)), ("new",))
    add(repartitioned, write_some(repartitioned, [row | {"id": row["id"] + 5} for row in rows], ("text",)), (None,))
finish("repartitioned")

for name in names:
    print_table(name)
count = 0
for snapshot in catalog.load_table("db.appends").snapshots():
    count += int(snapshot.summary["added-records"])
    print(json_rows.line({"table": "db.appends", "snapshot": snapshot.snapshot_id, "count": count}))
