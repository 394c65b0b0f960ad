"""Computes expressions elsewhere: DuckDB for functions it shares, exact fractions for decimals.

Reads {"functions": [{"sql", "types", "rows"}], "decimals": [[operation, v1, s1, v2, s2, precision, scale], ...]} and
prints {"functions": [[value or null, ...], ...], "decimals": [unscaled value or null, ...]}, values as text.
"""

import json
import sys
from fractions import Fraction

import duckdb


def functions(cases):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    results = []
    for case in cases:
        columns = ", ".join(f"a{i} {kind}" for i, kind in enumerate(case["types"]))
        connection.execute(f"CREATE OR REPLACE TABLE t (n INTEGER, {columns})")
        marks = ", ".join("?" for _ in range(len(case["types"]) + 1))
        rows = [[number] + row for number, row in enumerate(case["rows"])]
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        found = connection.execute(f"SELECT CAST({case['sql']} AS VARCHAR) FROM t ORDER BY n").fetchall()
        results.append([value for (value,) in found])
    return results


def decimal(operation, v1, s1, v2, s2, precision, scale):
    left, right = Fraction(int(v1), 10**s1), Fraction(int(v2), 10**s2)
    if operation in "/%" and right == 0:
        return None
    if operation == "+":
        exact = left + right
    elif operation == "-":
        exact = left - right
    elif operation == "*":
        exact = left * right
    elif operation == "/":
        exact = left / right
    else:
        whole = abs(left) // abs(right)
        exact = abs(left) - whole * abs(right)
        exact = -exact if left < 0 else exact
    # Half away from zero.
    magnitude = (abs(exact) * 10**scale + Fraction(1, 2)).__floor__()
    if magnitude >= 10**precision:
        return None
    return str(-magnitude if exact < 0 else magnitude)


cases = json.load(sys.stdin)
json.dump(
    {
        "functions": functions(cases["functions"]),
        "decimals": [decimal(*case) for case in cases["decimals"]],
    },
    sys.stdout,
)
