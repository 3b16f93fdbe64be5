"""The transfers of a file through psycopg's executemany, into a book of their own.

Started by the end-to-end tests with the port of a server, the file, and the name of the book.
"""

import csv
import sys

import psycopg

PORT, FILE, BOOK = int(sys.argv[1]), sys.argv[2], sys.argv[3]

POST = """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, asset,
                                 amount, occurred_at, metadata)
          VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""


def rows():
    with open(FILE, newline="") as file:
        for row in csv.DictReader(file):
            yield (
                BOOK,
                row["idempotency_key"],
                row["debit_account"],
                row["credit_account"],
                row["asset"],
                row["amount"],
                row["occurred_at"],
                row["metadata"],
            )


def main():
    with psycopg.connect(
        host="127.0.0.1", port=PORT, user="tester", dbname="tallybook", autocommit=True
    ) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(POST, rows())
            print(cursor.rowcount)


main()
