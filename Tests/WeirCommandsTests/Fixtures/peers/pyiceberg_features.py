"""Makes tables that each use a feature of Iceberg, where PyIceberg lacks it by an edit of the metadata.

    pyiceberg_features.py CATALOG_DB WAREHOUSE

Every table is `db.<feature>`, has the columns id and name and the rows 1 a and 2 b.
"""

import json
import sqlite3
import sys
import uuid

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField, StringType

import warehouse

catalog_db, root = sys.argv[1:]
catalog = warehouse.open_catalog(catalog_db, root, create=True)
catalog.create_namespace_if_not_exists("db")
schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
rows = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})


def create(name, spec=PartitionSpec()):
    return catalog.create_table(f"db.{name}", schema, partition_spec=spec)


def write_orc(path):
    pa.orc.write_table(rows, path)


def write_avro(path):
    with open(path, "wb") as file:
        file.write(b"Obj\x01" + b"\0" * 60)


def write_encrypted(path):
    with open(path, "wb") as file:
        file.write(b"PARE" + b"\0" * 60 + b"PARE")


def add_file(name, label, write, **members):
    """A data file that manifests call a Parquet, ORC or Avro file, whatever it is."""
    table = create(name)
    path = f"{root}/{name}.data"
    write(path)
    file = DataFile.from_args(
        _table_format_version=2,
        content=DataFileContent.DATA,
        file_path=path,
        file_format=label,
        partition=Record(),
        record_count=2,
        file_size_in_bytes=len(open(path, "rb").read()),
        column_sizes={},
        value_counts={},
        null_value_counts={},
        nan_value_counts={},
        lower_bounds={},
        upper_bounds={},
        key_metadata=members.get("key_metadata"),
        split_offsets=[4],
        equality_ids=None,
        sort_order_id=None,
    )
    with (
        table.transaction() as transaction,
        transaction.update_snapshot().fast_append() as append,
    ):
        append.append_data_file(file)


def edit(name, change, spec=PartitionSpec()):
    """A table with rows whose metadata file is changed by hand."""
    table = create(name, spec)
    table.append(rows)
    location = catalog.load_table(f"db.{name}").metadata_location
    path = location.removeprefix("file://")
    metadata = json.load(open(path))
    change(metadata)
    edited = path.rsplit("/", 1)[0] + f"/00009-{uuid.uuid4()}.metadata.json"
    json.dump(metadata, open(edited, "w"))
    with sqlite3.connect(catalog_db) as db:
        db.execute(
            "UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = ?",
            (edited, name),
        )


def add_column(column):
    def change(metadata):
        metadata["format-version"] = 3
        metadata["next-row-id"] = 2
        metadata["last-column-id"] = 3
        metadata["schemas"][0]["fields"].append({"id": 3, "required": False, **column})

    return change


def set_transform(**members):
    def change(metadata):
        metadata["format-version"] = 3
        metadata["next-row-id"] = 2
        field = metadata["partition-specs"][0]["fields"][0]
        if "source-ids" in members:
            del field["source-id"]
        field.update(members)

    return change


def encrypt(metadata):
    metadata["format-version"] = 3
    metadata["next-row-id"] = 2
    metadata["encryption-keys"] = [{"key-id": "k1", "encrypted-key-metadata": "AAAA"}]
    metadata["snapshots"][-1]["key-id"] = "k1"


def upgrade(metadata):
    metadata["format-version"] = 3
    metadata["next-row-id"] = 2
    metadata["snapshots"][-1].update({"first-row-id": 0, "added-rows": 2})


def set_version(metadata):
    metadata["format-version"] = 4


def add_statistics(metadata):
    blob = {
        "type": "some-later-sketch",
        "snapshot-id": metadata["current-snapshot-id"],
        "sequence-number": 1,
        "fields": [1],
    }
    metadata["statistics"] = [
        {
            "snapshot-id": metadata["current-snapshot-id"],
            "statistics-path": f"{root}/nowhere.puffin",
            "file-size-in-bytes": 100,
            "file-footer-size-in-bytes": 50,
            "blob-metadata": [blob],
        }
    ]


bucket = PartitionSpec(PartitionField(1, 1000, BucketTransform(4), "part"))

add_file("orc", FileFormat.ORC, write_orc)
add_file("avro", FileFormat.AVRO, write_avro)
add_file("mislabelled_orc", FileFormat.PARQUET, write_orc)
add_file("mislabelled_avro", FileFormat.PARQUET, write_avro)
add_file("encrypted_footer", FileFormat.PARQUET, write_encrypted)
add_file(
    "encrypted_file",
    FileFormat.PARQUET,
    lambda path: pq.write_table(rows, path),
    key_metadata=b"key",
)
edit("encrypted_table", encrypt)
edit("variant", add_column({"name": "v", "type": "variant"}))
edit("geometry", add_column({"name": "g", "type": "geometry(OGC:CRS84)"}))
edit("timestamp_ns", add_column({"name": "t", "type": "timestamp_ns"}))
edit(
    "default_value",
    add_column({"name": "d", "type": "string", "initial-default": "x", "write-default": "y"}),
)
edit("unknown_transform", set_transform(transform="zorder[4]"), bucket)
edit("several_columns", set_transform(**{"source-ids": [1, 2]}), bucket)
edit("version_4", set_version)
edit("row_lineage", upgrade)
edit("statistics", add_statistics)
with sqlite3.connect(catalog_db) as db:
    db.execute(
        "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type) "
        "VALUES ('weir', 'db', 'seen', 'nowhere', 'VIEW')"
    )
