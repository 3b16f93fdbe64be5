//! What two sessions see of each other, at each isolation level.

use super::{Case, compare, same};

const CASES: &[Case] = &[
    same(
        "nobody sees an open block",
        "query BEGIN\nquery {post a 1}\nother query SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         other query SELECT count(*) FROM transactions WHERE book = '{book}'\nquery COMMIT\n\
         other query SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         other query SELECT count(*) FROM transactions WHERE book = '{book}'",
    ),
    same(
        "nobody sees a pipeline before its sync",
        "run {post a 1}\nflush\nread C\nother query SELECT count(*) FROM transactions WHERE book = '{book}'\nsync\n\
         other query SELECT count(*) FROM transactions WHERE book = '{book}'",
    ),
    same(
        "nobody sees what was rolled back",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nquery {post b 2}\nquery ROLLBACK TO s\nquery COMMIT\n\
         other query SELECT idempotency_key FROM transactions WHERE book = '{book}'",
    ),
    same(
        "read committed sees what others commit",
        "query BEGIN\nquery SELECT count(*) FROM transactions WHERE book = '{book}'\nother query {post a 1}\n\
         query SELECT count(*) FROM transactions WHERE book = '{book}'\nquery COMMIT",
    ),
    same(
        "read committed sees its own and what others commit",
        "query BEGIN\nquery INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}-own', 'cash', 'USD', 'asset')\n\
         other query {post a 1}\nquery SELECT path, balance FROM accounts WHERE book LIKE '{book}%' ORDER BY book, path\nquery ROLLBACK",
    ),
    same(
        "repeatable read stays where it began",
        "query BEGIN ISOLATION LEVEL REPEATABLE READ\nquery SELECT count(*) FROM transactions WHERE book = '{book}'\n\
         other query {post a 1}\nquery SELECT count(*) FROM transactions WHERE book = '{book}'\n\
         query SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\nquery COMMIT\n\
         query SELECT count(*) FROM transactions WHERE book = '{book}'",
    ),
    same(
        "repeatable read begins with its first query",
        "query BEGIN ISOLATION LEVEL REPEATABLE READ\nother query {post a 1}\nquery SELECT count(*) FROM transactions WHERE book = '{book}'\n\
         other query {post b 2}\nquery SELECT count(*) FROM transactions WHERE book = '{book}'\nquery COMMIT",
    ),
    same(
        "a pipeline of read committed sees what others commit",
        "run BEGIN\nrun SELECT count(*) FROM transactions WHERE book = '{book}'\nsync\nother query {post a 1}\n\
         run SELECT count(*) FROM transactions WHERE book = '{book}'\nrun COMMIT\nsync",
    ),
    same(
        "a key that another session took",
        "query BEGIN\nquery SELECT 1 AS one\nother query {post a 1}\nquery {post a 2}\nquery COMMIT",
    ),
    same(
        "a closed account that another session closed",
        "query BEGIN\nquery SELECT 1 AS one\nother query UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'sales'\n\
         query {post a 2}\nquery COMMIT",
    ),
    same(
        "a serializable block alone in its book",
        "query BEGIN ISOLATION LEVEL SERIALIZABLE\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         other query INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}-other', 'cash', 'USD', 'asset')\nquery {post a 1}\nquery COMMIT",
    ),
    same(
        "two blocks of two books",
        "other query INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}-other', 'cash', 'USD', 'asset'), \
         ('{book}-other', 'sales', 'USD', 'income')\nquery BEGIN\nother query BEGIN\nquery {post a 1}\n\
         other query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}-other', 'a', 'cash', 'sales', 5)\nquery COMMIT\nother query ROLLBACK",
    ),
];

#[test]
fn sessions_see_each_other_as_in_postgres() {
    compare(CASES);
}
