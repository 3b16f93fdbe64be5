//! COPY FROM STDIN, inside blocks and out.

use super::{Case, compare, same};

const CASES: &[Case] = &[
    same(
        "copy",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy {book}\\tb\\tcash\\tsales\\t2\\n\ncopy-done\nread Z",
    ),
    same(
        "copy nothing",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\ncopy-done\nread Z",
    ),
    same(
        "copy fails",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy-fail changed my mind\nread Z",
    ),
    same(
        "copy in a block",
        "query BEGIN\nquery {post a 1}\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t2\\n\ncopy-done\nread Z\nquery SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query {post c 3}\nquery COMMIT",
    ),
    same(
        "copy in a block and rollback",
        "query BEGIN\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t2\\n\ncopy-done\nread Z\nquery ROLLBACK",
    ),
    same(
        "a bad line in a block",
        "query BEGIN\nquery {post a 1}\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\tmuch\\n\ncopy-done\nread Z\nquery SELECT 1\nquery COMMIT",
    ),
    same(
        "copy fails in a block",
        "query BEGIN\nquery {post a 1}\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t2\\n\ncopy-fail changed my mind\nread Z\nquery COMMIT",
    ),
    same(
        "a bad line and back to a savepoint",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
         FROM STDIN\nread G\ncopy {book}\\tb\\tcash\\tnobody\\t2\\n\ncopy-done\nread Z\nquery ROLLBACK TO s\nquery {post c 3}\nquery COMMIT",
    ),
    same(
        "copy and a savepoint",
        "query BEGIN\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t2\\n\ncopy-done\nread Z\nquery SAVEPOINT s\n\
         send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t2\\n\ncopy-done\nread Z\nquery ROLLBACK TO s\nquery COMMIT",
    ),
    same(
        "copy in a failed block",
        "query BEGIN\nquery {fail}\nquery COPY transfers (book, idempotency_key) FROM STDIN\nquery ROLLBACK",
    ),
    same(
        "copy in a read only block",
        "query BEGIN READ ONLY\nquery COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nquery ROLLBACK",
    ),
    same(
        "copy and more in one query",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN; {post c 3}\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy-done\nread Z",
    ),
    same(
        "a write, a copy and an error in one query",
        "send-query {post a 1}; COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN; {fail}\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t1\\n\ncopy-done\nread Z",
    ),
    same(
        "copy in a pipeline",
        "parse _ COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nbind _ _\nexecute _ 0\nflush\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy-done\nsync",
    ),
    same(
        "copy after a write in a pipeline",
        "run {post a 1}\nparse _ COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nbind _ _\nexecute _ 0\nflush\n\
         read G\ncopy {book}\\tb\\tcash\\tsales\\t1\\n\ncopy-done\nsync",
    ),
    same(
        "a hang up in copy",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\nhang-up",
    ),
    same(
        "a hang up in copy in a block",
        "query BEGIN\nquery {post a 1}\nsend-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\tb\\tcash\\tsales\\t1\\n\nhang-up",
    ),
    same(
        "copy data out of place",
        "copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy-done\ncopy-fail never\nquery SELECT 1 AS one",
    ),
    same(
        "flush and sync are ignored in copy",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\nflush\nsend-sync\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy-done\nread Z",
    ),
    same(
        "the end of data marker",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy \\.\\n\ncopy-done\nread Z",
    ),
    same(
        "csv with all its options",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, asset, amount) FROM STDIN WITH \
         (FORMAT csv, HEADER, DELIMITER ';', QUOTE '\"', ESCAPE '\"', NULL 'nil')\nread G\ncopy a;b;c;d;e;f\\n\n\
         copy {book};\"a;\"\"1\"\"\";cash;sales;nil;1\\n\ncopy-done\nread Z",
    ),
    same(
        "missing and extra columns",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\ncopy {book}\\ta\\n\ncopy-done\nread Z\n\
         send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\t2\\n\ncopy-done\nread Z",
    ),
    same(
        "columns that are not there",
        "query COPY transfers (nothing) FROM STDIN\nquery COPY nothing FROM STDIN\nquery COPY transfers (book, book) FROM STDIN",
    ),
    same(
        "copy of transactions",
        "send-query COPY transactions (book, idempotency_key, postings) FROM STDIN\nread G\n\
         copy {book}\\ta\\t[{\"account\":\"cash\",\"amount\":\"5\",\"direction\":\"debit\"},{\"account\":\"sales\",\"amount\":\"5\",\"direction\":\"credit\"}]\\n\n\
         copy-done\nread Z",
    ),
    same(
        "copy of accounts",
        "send-query COPY accounts (book, path, asset, kind, min_balance) FROM STDIN WITH (FORMAT csv)\nread G\ncopy {book},new,USD,asset,\\n\n\
         copy {book},newer,EUR,liability,0\\n\ncopy-done\nread Z",
    ),
    same(
        "a conflict within a copy",
        "send-query COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN\nread G\n\
         copy {book}\\ta\\tcash\\tsales\\t1\\n\ncopy {book}\\ta\\tcash\\tsales\\t2\\n\ncopy-done\nread Z",
    ),
];

#[test]
fn copies_answer_as_postgres() {
    compare(CASES);
}
