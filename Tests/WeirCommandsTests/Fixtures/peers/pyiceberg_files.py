"""Prints what lies in the Parquet files of tables, read straight from the files that their manifests name.

    pyiceberg_files.py CATALOG_DB WAREHOUSE DB.TABLE... [--change] [--rows]

One JSON object per file: table, name, content, partition, data sequence number, rows, columns with their field ids, and
`problems`: where manifest and file disagree (count, size, null counts, bounds, missing field ids), rows outside their
file's partition, position deletes that point nowhere. With --rows one object per row instead, with the columns that
only the files have, such as `_file_offset`. --change goes to the change store that the table's
`mixed-format.change.identifier` names.
"""

import argparse

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFileContent

import json_rows
import warehouse

arguments = argparse.ArgumentParser()
arguments.add_argument("catalog_db")
arguments.add_argument("warehouse")
arguments.add_argument("tables", nargs="+", metavar="DB.TABLE")
arguments.add_argument("--change", action="store_true")
arguments.add_argument("--rows", action="store_true")
options = arguments.parse_args()


def parquet_columns(schema):
    """Top-level column names with the Iceberg field ids the file carries; None where it carries none."""
    ids = [(field.metadata or {}).get(b"PARQUET:field_id") for field in schema]
    return {field.name: identity and int(identity) for field, identity in zip(schema, ids)}


def problems(data_file, schema, contents, size):
    """Each way in which the manifest's entry says something that the file does not bear out."""
    found = []
    if data_file.record_count != contents.num_rows:
        found.append(f"record_count is {data_file.record_count}, the file has {contents.num_rows} rows")
    if data_file.file_size_in_bytes != size:
        found.append(f"file_size_in_bytes is {data_file.file_size_in_bytes}, the file has {size} bytes")
    columns = parquet_columns(contents.schema)
    found += [f"column {name} carries no field id" for name, identity in columns.items() if identity is None]
    by_id = {identity: contents.column(name) for name, identity in columns.items()}
    for identity, count in (data_file.null_value_counts or {}).items():
        if identity in by_id and by_id[identity].null_count != count:
            found.append(f"null count of field {identity} is {count}, the file has {by_id[identity].null_count}")
    for field in schema.fields:
        column = by_id.get(field.field_id)
        if column is None or not field.field_type.is_primitive:
            continue
        found += bound_problems(data_file, field, column)
    return found


def bound_problems(data_file, field, column):
    """Bounds must lie outside or on the values; a text's bound may be cut short, so compare in Arrow's order."""
    found = []
    for bounds, compare, what in (
        (data_file.lower_bounds, pc.less, "below its lower bound"),
        (data_file.upper_bounds, pc.greater, "above its upper bound"),
    ):
        stored = (bounds or {}).get(field.field_id)
        if stored is None:
            continue
        bound = from_bytes(field.field_type, stored)
        try:
            outside = pc.sum(pc.cast(compare(column, arrow_scalar(bound, field, column.type)), "int64")).as_py()
        except NotImplementedError:
            continue  # Arrow has no order for this type.
        if outside:
            found.append(f"{outside} values of {field.name} lie {what} {bound!r}")
    return found


def arrow_scalar(bound, field, kind):
    """PyIceberg hands bounds out as integers for dates and times, as UUID objects and so on."""
    if pa.types.is_temporal(kind) and isinstance(bound, int):
        width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        return pa.scalar(bound, width).cast(kind)
    if hasattr(bound, "bytes"):
        bound = bound.bytes
    return pa.scalar(bound, kind)


def partition_problems(data_file, spec, schema, contents):
    """Every row must belong to the partition its file is in."""
    found = []
    by_id = {identity: contents.column(name) for name, identity in parquet_columns(contents.schema).items()}
    for index, field in enumerate(spec.fields):
        if field.source_id not in by_id:
            continue
        transform = field.transform.transform(schema.find_type(field.source_id))
        values = {transform(value) for value in iceberg_values(by_id[field.source_id])}
        if values != {data_file.partition[index]}:
            found.append(
                f"{field.name} is {data_file.partition[index]!r}, the rows belong to {sorted(map(repr, values))}"
            )
    return found


def iceberg_values(column):
    """Dates and times as the integers that transforms take; everything else as Python has it."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    return set(column.to_pylist())


def delete_problems(contents, live):
    """Position deletes must point at rows of live data files, in order and once each. `live`: rows by file path."""
    positions = list(zip(contents.column("file_path").to_pylist(), contents.column("pos").to_pylist()))
    found = [f"deletes row {pos} of {path}" for path, pos in positions if not 0 <= pos < live.get(path, 0)]
    if sorted(set(positions)) != positions:
        found.append("positions are not in order or not unique")
    return found


catalog = warehouse.open_catalog(options.catalog_db, options.warehouse)


def print_files(identifier):
    table = catalog.load_table(identifier)
    if options.change:
        table = catalog.load_table(table.properties["mixed-format.change.identifier"])

    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    entries = [(manifest, entry) for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)]
    live = {
        e.data_file.file_path: e.data_file.record_count
        for _, e in entries
        if e.data_file.content == DataFileContent.DATA
    }
    for manifest, entry in entries:
        data_file = entry.data_file
        source = table.io.new_input(data_file.file_path)
        with source.open() as file:
            contents = pq.read_table(file, partitioning=None)
        name = data_file.file_path.rsplit("/", 1)[-1]
        if options.rows:
            for row in json_rows.rows(contents):
                print(json_rows.line({"file": name, "sequence": entry.sequence_number, "row": row}))
            continue
        spec = table.specs()[manifest.partition_spec_id]
        found = problems(data_file, table.schema(), contents, len(source))
        found += partition_problems(data_file, spec, table.schema(), contents)
        if data_file.content == DataFileContent.POSITION_DELETES:
            found += delete_problems(contents, live)
        summary = {
            "table": identifier,
            "file": name,
            "content": data_file.content.name.lower().replace("_", "-"),
            "partition": spec.partition_to_path(data_file.partition, table.schema()) if spec.fields else "",
            "sequence": entry.sequence_number,
            "records": data_file.record_count,
            "columns": parquet_columns(contents.schema),
            "problems": found,
        }
        print(json_rows.line(summary))


for name in options.tables:
    print_files(name)
