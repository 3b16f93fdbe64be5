"""Answers the statements in a file through psycopg, each row on a line with bars between values.

Started by the end-to-end tests with the port of a server and the file; statements end with a
semicolon at the end of a line.
"""

import sys

import psycopg

port, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    statements = [each.strip() for each in file.read().split(";\n") if each.strip()]
with psycopg.connect(
    host="127.0.0.1", port=int(port), user="tester", dbname="tallybook", autocommit=True
) as connection:
    for statement in statements:
        with connection.cursor(binary=True) as cursor:
            for row in cursor.execute(statement.encode()):
                print("|".join("" if value is None else str(value) for value in row))
