"""Commits to a table whose catalog is in PostgreSQL, as another writer beside Weir.

Usage: postgres_writer.py URI WAREHOUSE TABLE COUNT

Appends COUNT rows to TABLE, one per commit, with ids from 1000 on. Also makes the table `other.made` and sets a
property of it COUNT times. A commit that another writer came before is made again. Prints how often that was.
"""

import sys

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException

uri, warehouse, name, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
catalog = SqlCatalog("weir", uri=uri, warehouse=warehouse, init_catalog_tables="false")
overtaken = 0


def commit(name, change):
    global overtaken
    while True:
        try:
            return change(catalog.load_table(name))
        except CommitFailedException:
            overtaken += 1


def set_number(table, number):
    with table.transaction() as transaction:
        transaction.set_properties({"number": str(number)})


catalog.create_namespace_if_not_exists("other")
schema = catalog.load_table(name).schema().as_arrow()
catalog.create_table("other.made", schema=schema)
for number in range(count):
    rows = pa.Table.from_pylist([{"id": 1000 + number, "name": "foreign", "seq": -1 - number}], schema=schema)
    commit(name, lambda table: table.append(rows))
    commit("other.made", lambda table: set_number(table, number))
print(overtaken)
