"""Commits to tables of a Weir warehouse with PyIceberg, one command a line on standard input.

    pyiceberg_history.py CATALOG_DB WAREHOUSE [CATALOG_NAME]

    create DB.TABLE VERSION          a table with columns id and name
    append DB.TABLE ID:NAME...       rows
    overwrite DB.TABLE ID:NAME...    rows, by an overwrite that takes nothing away
    upgrade DB.TABLE                 to format version 2
    delete DB.TABLE ID               the row of an id
    expire DB.TABLE COUNT            the oldest snapshots
    expire-all DB.TABLE              every snapshot that no branch or tag names
    branch DB.TABLE NAME ID:NAME...  rows on a branch, made if it is not there
    tag DB.TABLE NAME                the current snapshot
    rename DB.TABLE FROM TO          a column
    register DB.TABLE METADATA       a table of that metadata file

Prints the ids of the table's snapshots after each command, main's newest last.
"""

import sys
from datetime import datetime, timedelta

import pyarrow as pa
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

import warehouse

catalog = warehouse.open_catalog(sys.argv[1], sys.argv[2], create=True, name=(sys.argv[3:] + ["weir"])[0])


def rows(table, pairs):
    ids, names = zip(*(pair.split(":") for pair in pairs))
    columns = {"id": pa.array([int(id) for id in ids], pa.int64()), "name": pa.array(names)}
    schema = table.schema().as_arrow()
    return (
        pa.table(columns)
        .select(schema.names)
        .cast(pa.schema([pa.field(f.name, columns[f.name].type, nullable=f.nullable) for f in schema]))
    )


for line in sys.stdin:
    command, name, *rest = line.split()
    if command == "create":
        catalog.create_namespace_if_not_exists(name.split(".")[0])
        columns = NestedField(1, "id", LongType()), NestedField(2, "name", StringType())
        catalog.create_table(name, Schema(*columns), properties={"format-version": rest[0]})
    if command == "register":
        catalog.register_table(name, rest[0])
    table = catalog.load_table(name)
    if command == "append":
        table.append(rows(table, rest))
    elif command == "overwrite":
        with table.transaction() as transaction, transaction.update_snapshot().overwrite() as update:
            for file in _dataframe_to_data_files(table.metadata, rows(table, rest), table.io):
                update.append_data_file(file)
    elif command == "upgrade":
        with table.transaction() as transaction:
            transaction.upgrade_table_version(2)
    elif command == "delete":
        table.delete(f"id == {rest[0]}")
    elif command == "expire":
        ids = [snapshot.snapshot_id for snapshot in table.snapshots()]
        table.maintenance.expire_snapshots().by_ids(ids[: int(rest[0])]).commit()
    elif command == "expire-all":
        table.maintenance.expire_snapshots().older_than(datetime.now() + timedelta(days=1)).commit()
    elif command == "branch":
        if rest[0] not in table.refs():
            table.manage_snapshots().create_branch(table.current_snapshot().snapshot_id, rest[0]).commit()
        table.append(rows(table, rest[1:]), branch=rest[0])
    elif command == "tag":
        table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, rest[0]).commit()
    elif command == "rename":
        with table.update_schema() as update:
            update.rename_column(*rest)
    table = catalog.load_table(name)
    print(*(snapshot.snapshot_id for snapshot in table.snapshots()), flush=True)
