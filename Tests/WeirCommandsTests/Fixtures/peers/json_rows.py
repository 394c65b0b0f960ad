"""Arrow values as the JSON that `weir scan -o json` prints.

Values follow Iceberg's JSON single-value serialization, except that structs use field names and numbers that are not
finite are strings. Dates and times are worked out from integers, because Python's own types end at year 9999 and
reject what a table may hold.
"""

import json
import struct
import uuid

import pyarrow as pa

EXTENSIONS = {"arrow.uuid": lambda hexadecimal: str(uuid.UUID(hex=hexadecimal)), "arrow.bool8": bool}
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def rows(table, uuid_columns=()):
    """One dictionary per row. `uuid_columns` names columns that hold UUIDs as plain 16-byte values."""
    names = table.column_names
    columns = [
        [x if x is None or name not in uuid_columns else str(uuid.UUID(x)) for x in column_values(column)]
        for name, column in zip(names, table.columns)
    ]
    for values in zip(*columns):
        yield dict(zip(names, values))


def print_rows(table, uuid_columns=()):
    for row in rows(table, uuid_columns):
        print(line(row))


def line(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def column_values(column):
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return [value for chunk in chunks for value in array_values(chunk)]


def array_values(array):
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        inner, read = array_values(array.storage), EXTENSIONS.get(kind.extension_name)
        if read is None:
            raise TypeError(f"no JSON form is agreed for the Arrow extension type {kind.extension_name}")
        return [x if x is None else read(x) for x in inner]
    if pa.types.is_dictionary(kind):
        return array_values(array.dictionary_decode())
    if pa.types.is_struct(kind):
        fields = [array_values(array.field(i)) for i in range(kind.num_fields)]
        names = [kind.field(i).name for i in range(kind.num_fields)]
        valid = array.is_valid().to_pylist()
        return [dict(zip(names, (f[i] for f in fields))) if valid[i] else None for i in range(len(array))]
    if pa.types.is_map(kind):
        keys, items = array_values(array.keys), array_values(array.items)
        return [span and {"keys": keys[slice(*span)], "values": items[slice(*span)]} for span in spans(array)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        elements = array_values(array.values)
        return [span and elements[slice(*span)] for span in spans(array)]
    if pa.types.is_date32(kind):
        return [x if x is None else date(x) for x in array.cast(pa.int32()).to_pylist()]
    if pa.types.is_timestamp(kind):
        suffix = "" if kind.tz is None else "+00:00"
        unit = NANOSECONDS[kind.unit]
        return [x if x is None else timestamp(x * unit) + suffix for x in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_time64(kind):
        unit = NANOSECONDS[kind.unit]
        return [x if x is None else time(x * unit) for x in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_float32(kind):
        return [x if x is None else number(shortest_float32(x)) for x in array.to_pylist()]
    if pa.types.is_float64(kind):
        return [x if x is None else number(x) for x in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return [x if x is None else format(x, "f") for x in array.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [x if x is None else x.hex() for x in array.to_pylist()]
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    ):
        return array.to_pylist()
    if pa.types.is_null(kind):
        return [None] * len(array)
    raise TypeError(f"no JSON form is agreed for the Arrow type {kind}")


def spans(array):
    """Start and end of each list in the child array as a whole; None for a null list."""
    offsets, valid = array.offsets.to_pylist(), array.is_valid().to_pylist()
    return [(offsets[i], offsets[i + 1]) if valid[i] else None for i in range(len(array))]


def number(value):
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def shortest_float32(value):
    """The double with the fewest digits that is still this float: 0.1, not 0.10000000149011612."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.unpack("f", struct.pack("f", short))[0] == value:
                return short
        except OverflowError:
            pass  # Rounding up passed the largest float: more digits are needed.
    return value


def date(days):
    """Days since 1970-01-01 in the proleptic Gregorian calendar."""
    days += 719468  # To 0000-03-01, so that a leap day ends its year.
    era, day_of_era = divmod(days, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    year = year_of_era + era * 400 + (1 if month >= 10 else 0)
    month = month + 3 if month < 10 else month - 9
    text = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"
    return f"{text}-{month:02d}-{day:02d}"


def time(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest // 1000:06d}"


def timestamp(nanoseconds):
    days, rest = divmod(nanoseconds, 86400 * 10**9)
    return f"{date(days)}T{time(rest)}"
