//! Prepared statements through SQL and through the protocol, and portals.

use super::{Case, compare, same};

const CASES: &[Case] = &[
    same(
        "prepare and execute",
        "query PREPARE p AS SELECT 1 AS one\nquery EXECUTE p\nquery DEALLOCATE p\nquery EXECUTE p",
    ),
    same(
        "prepare an insert",
        "query PREPARE post (text, numeric) AS INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', $1, 'cash', 'sales', $2) RETURNING amount, deduplicated\nquery EXECUTE post ('a', 1)\nquery EXECUTE post ('b', 2)\n\
         query EXECUTE post ('a', 3)\nquery DEALLOCATE post",
    ),
    same(
        "untyped parameters",
        "query PREPARE p AS SELECT path FROM accounts WHERE book = $1 ORDER BY path LIMIT 1\nquery EXECUTE p ('{book}')",
    ),
    same(
        "the name is taken",
        "query PREPARE p AS SELECT 1 AS one\nquery PREPARE p AS SELECT 2 AS two\nquery EXECUTE p",
    ),
    same(
        "no such statement",
        "query EXECUTE nothing\nquery DEALLOCATE nothing\nquery DEALLOCATE PREPARE nothing",
    ),
    same(
        "too few values",
        "query PREPARE p (int, int) AS SELECT ($1 + $2)::int AS sum\nquery EXECUTE p (1)\nquery EXECUTE p (1, 2, 3)\nquery EXECUTE p (1, 2)",
    ),
    same(
        "deallocate all",
        "query PREPARE p AS SELECT 1 AS one\nquery PREPARE q AS SELECT 2 AS two\nquery DEALLOCATE ALL\nquery EXECUTE q",
    ),
    same(
        "prepared statements survive rollback",
        "query BEGIN\nquery PREPARE p AS SELECT 1 AS one\nquery ROLLBACK\nquery EXECUTE p",
    ),
    same(
        "execute in a block",
        "query PREPARE post AS {post a 1}\nquery BEGIN\nquery EXECUTE post\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         query ROLLBACK\nquery EXECUTE post",
    ),
    same(
        "execute in a query of several",
        "query PREPARE post AS {post a 1}; EXECUTE post; {post b 2}",
    ),
    same(
        "execute in a failed block",
        "query PREPARE p AS SELECT 1 AS one\nquery BEGIN\nquery {fail}\nquery EXECUTE p\nquery ROLLBACK",
    ),
    same(
        "sql and protocol share their names",
        "parse p SELECT 1 AS one\nsync\nquery EXECUTE p\nquery DEALLOCATE p\nbind _ p\nsync\nquery PREPARE q AS SELECT 2 AS two\n\
         bind _ q\ndescribe P _\nexecute _ 0\nsync",
    ),
    same(
        "a name behind a write that is refused",
        "run {post a 1}\nsync\nrun {post a 2}\nparse p SELECT 1 AS one\nsync\nbind _ p\nsync\n\
         parse p SELECT 2 AS two\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "a name before a write that is refused",
        "run {post a 1}\nsync\nparse p SELECT 1 AS one\nrun {post a 2}\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "a name closed behind a write that is refused",
        "parse p SELECT 1 AS one\nrun {post a 1}\nsync\nrun {post a 2}\nclose S p\n\
         parse p SELECT 2 AS two\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "a name behind a write that stands",
        "run {post a 1}\nparse p SELECT 1 AS one\nclose S p\nparse p SELECT 2 AS two\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "prepare and deallocate behind a write that is refused",
        "query PREPARE q AS SELECT 3 AS three\nquery {post a 1}\n\
         query {post a 2}; PREPARE p AS SELECT 1 AS one; DEALLOCATE q\nquery EXECUTE p\nquery EXECUTE q\n\
         query {post a 2}; DEALLOCATE ALL\nquery EXECUTE q",
    ),
    same(
        "a name parsed twice",
        "parse p SELECT 1 AS one\nparse p SELECT 2 AS two\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "the unnamed statement is replaced",
        "parse _ SELECT 1 AS one\nparse _ SELECT 2 AS two\nbind _ _\nexecute _ 0\nsync",
    ),
    same(
        "closed and parsed again",
        "parse p SELECT 1 AS one\nclose S p\nparse p SELECT 2 AS two\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "a statement parsed in a failed pipeline",
        "parse p SELECT 1 AS one\nrun {fail}\nsync\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "rows in pieces",
        "parse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 2\nexecute c 2\nexecute c 2\nsync",
    ),
    same(
        "rows in pieces over flushes",
        "parse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 3\nflush\nread s\nexecute c 3\nflush\nread C\nsync",
    ),
    same(
        "two portals in turns",
        "parse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nbind d p {book}\nexecute c 1\nexecute d 2\nexecute c 1\nexecute d 0\nsync",
    ),
    same(
        "a portal in a block lives over syncs",
        "query BEGIN\nparse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 2\nsync\nexecute c 2\nsync\nquery COMMIT\nexecute c 2\nsync",
    ),
    same(
        "a portal does not see later writes",
        "query BEGIN\nparse p SELECT path, balance FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 1\nsync\nquery {post a 1}\nexecute c 0\nsync\nquery COMMIT",
    ),
    same(
        "a portal of an insert with few rows",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', 'sales', 1), \
         ('{book}', 'b', 'cash', 'sales', 2), ('{book}', 'c', 'cash', 'sales', 3) RETURNING idempotency_key, amount\nbind c p\ndescribe P c\n\
         execute c 2\nexecute c 2\nsync",
    ),
    same(
        "a portal of an insert given up",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', 'sales', 1), \
         ('{book}', 'b', 'cash', 'sales', 2) RETURNING idempotency_key\nbind c p\nexecute c 1\nclose P c\nsync",
    ),
    same("a portal of the same name", "parse p SELECT 1 AS one\nbind c p\nbind c p\nsync"),
    same(
        "an unnamed portal twice",
        "parse p SELECT $1::int AS n\nbind _ p 1\nbind _ p 2\nexecute _ 0\nsync",
    ),
    same(
        "no such portal",
        "execute nothing 0\nsync\ndescribe P nothing\nsync\ndescribe S nothing\nsync\nclose P nothing\nclose S nothing\nsync",
    ),
    same(
        "describe an insert with parameters",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES \
         ($1, $2, $3, $4, $5, $6, $7) RETURNING tx_id, seq, deduplicated\ndescribe S p\nsync",
    ),
    same(
        "describe an insert into transactions",
        "parse p INSERT INTO transactions (book, idempotency_key, postings, metadata, reverses, tx_id) VALUES ($1, $2, $3, $4, $5, $6) \
         RETURNING tx_id, seq, committed_at, deduplicated, metadata\ndescribe S p\nsync",
    ),
    same(
        "describe an insert into accounts",
        "parse p INSERT INTO accounts (book, path, asset, kind, min_balance, metadata) VALUES ($1, $2, $3, $4, $5, $6)\ndescribe S p\nsync",
    ),
    same(
        "describe an update of accounts",
        "parse p UPDATE accounts SET min_balance = $1, metadata = $2, closed = $3 WHERE book = $4 AND path = $5\ndescribe S p\nsync",
    ),
    same("describe blocks", "parse p BEGIN\ndescribe S p\nparse q SAVEPOINT s\ndescribe S q\nsync"),
    same(
        "discard all",
        "parse p SELECT 1 AS one\nsync\nquery DISCARD ALL\nbind _ p\nsync\nquery BEGIN\nquery DISCARD ALL\nquery ROLLBACK",
    ),
];

#[test]
fn prepared_statements_and_portals_answer_as_postgres() {
    compare(CASES);
}
