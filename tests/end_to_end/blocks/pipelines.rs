//! Everything of the extended protocol up to Sync is one block.

use super::differences::Difference::NoPositionYet;
use super::{Case, compare, differing, same};

const CASES: &[Case] = &[
    same("one write up to sync", "run {post a 1}\nsync"),
    same("several writes up to sync", "run {post a 1}\nrun {post b 2}\nrun {post c 3}\nsync"),
    same(
        "returning up to sync has positions",
        "run {post a 1} RETURNING seq, committed_at, deduplicated\nrun {post b 2} RETURNING seq\nsync",
    ),
    same("a conflict in the middle", "run {post a 1}\nrun {post a 2}\nrun {post c 3}\nsync"),
    same(
        "a conflict with an earlier sync",
        "run {post a 1}\nsync\nrun {post b 1}\nrun {post a 2}\nrun {post c 3}\nsync",
    ),
    same("a rejection first", "run {post a 0}\nrun {post b 2}\nsync"),
    same("a rejection last", "run {post a 1}\nrun {post b 2}\nrun {post c 0}\nsync"),
    same("a syntax error in the middle", "run {post a 1}\nrun SELEC\nrun {post c 3}\nsync"),
    same("a division by zero in the middle", "run {post a 1}\nrun {fail}\nrun {post c 3}\nsync"),
    same(
        "an unknown column in the middle",
        "run {post a 1}\nrun SELECT nothing FROM accounts\nrun {post c 3}\nsync",
    ),
    same("a bind to nothing", "run {post a 1}\nbind _ nothing\nexecute _ 0\nrun {post c 3}\nsync"),
    same(
        "a bind with too few values",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', $1, 'cash', 'sales', $2)\nrun {post a 1}\nbind _ p b\nexecute _ 0\nrun {post c 3}\nsync",
    ),
    same(
        "a value that cannot be",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', $1, 'cash', 'sales', $2)\nbind _ p a 1\nexecute _ 0\nbind _ p b much\nexecute _ 0\nbind _ p c 3\n\
         execute _ 0\nsync",
    ),
    same(
        "one statement many times",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', $1, 'cash', 'sales', $2)\nbind _ p a 1\nexecute _ 0\nbind _ p b 2\nexecute _ 0\nbind _ p c 3\n\
         execute _ 0\nsync",
    ),
    same(
        "flush between reads",
        "run SELECT 1 AS one\nflush\nread C\nrun SELECT 2 AS two\nflush\nread C\nsync",
    ),
    differing(
        "flush after a write",
        "run {post a 1} RETURNING seq, deduplicated\nflush\nread C\nrun {post b 2} RETURNING seq\nsync",
        &[NoPositionYet],
    ),
    differing(
        "flush and then a failure",
        "run {post a 1} RETURNING seq\nflush\nread C\nrun {fail}\nsync",
        &[NoPositionYet],
    ),
    same("flush after a rejection", "run {post a 0}\nflush\nread E\nrun {post b 2}\nsync"),
    same("flush and hang up", "run {post a 1}\nflush\nread C\nhang-up"),
    same("flush and terminate", "run {post a 1}\nflush\nread C\nterminate"),
    same(
        "reads see what the pipeline wrote",
        "run {post a 1}\nrun SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\nrun {post b 2}\n\
         run SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         run SELECT idempotency_key FROM transactions WHERE book = '{book}' ORDER BY idempotency_key\nsync",
    ),
    same("a read first", "run SELECT 1 AS one\nrun {post a 1}\nsync"),
    same("a read last", "run {post a 1}\nrun SELECT 1 AS one\nsync"),
    same(
        "describe after a write",
        "run {post a 1}\nparse q SELECT path FROM accounts WHERE book = $1\ndescribe S q\nrun {post b 2}\nsync",
    ),
    same(
        "describe of a write with returning",
        "parse q {post a 1} RETURNING seq, deduplicated\ndescribe S q\nsync",
    ),
    same(
        "begin and commit inside a pipeline",
        "run BEGIN\nrun {post a 1}\nrun {post b 2}\nrun COMMIT\nsync",
    ),
    same("going on after commit", "run BEGIN\nrun {post a 1}\nrun COMMIT\nrun {post b 2}\nsync"),
    same(
        "a failure after commit",
        "run BEGIN\nrun {post a 1}\nrun COMMIT\nrun {post b 2}\nrun {fail}\nsync",
    ),
    same(
        "a failure before commit",
        "run BEGIN\nrun {post a 1}\nrun {fail}\nrun COMMIT\nsync\nquery ROLLBACK",
    ),
    same(
        "commit after a failure and sync",
        "run BEGIN\nrun {post a 1}\nrun {fail}\nsync\nrun COMMIT\nsync",
    ),
    same("rollback in the middle", "run BEGIN\nrun {post a 1}\nrun ROLLBACK\nrun {post b 2}\nsync"),
    same("begin after a write", "run {post a 1}\nrun BEGIN\nrun {post b 2}\nsync\nquery ROLLBACK"),
    same(
        "commit without begin in a pipeline",
        "run {post a 1}\nrun COMMIT\nrun {post b 2}\nrun {fail}\nsync",
    ),
    same(
        "rollback without begin in a pipeline",
        "run {post a 1}\nrun ROLLBACK\nrun {post b 2}\nsync",
    ),
    same(
        "a block over several syncs",
        "run BEGIN\nsync\nrun {post a 1}\nsync\nrun {post b 2}\nsync\nrun COMMIT\nsync",
    ),
    same(
        "begin and the first write in one sync",
        "run BEGIN\nrun {post a 1}\nsync\nrun {post b 2}\nrun COMMIT\nsync",
    ),
    differing(
        "returning inside a block over syncs",
        "run BEGIN\nsync\nrun {post a 1} RETURNING seq, committed_at, deduplicated\nsync\nrun COMMIT\nsync",
        &[NoPositionYet],
    ),
    same(
        "savepoints in a pipeline",
        "run BEGIN\nrun {post a 1}\nrun SAVEPOINT s\nrun {post b 2}\nrun ROLLBACK TO s\nrun {post c 3}\nrun RELEASE s\n\
         run COMMIT\nsync",
    ),
    same(
        "savepoint in a pipeline without begin",
        "run {post a 1}\nrun SAVEPOINT s\nrun {post b 2}\nsync",
    ),
    same(
        "rollback to after an error and sync",
        "run BEGIN\nrun SAVEPOINT s\nrun {post a 0}\nsync\nrun ROLLBACK TO s\nrun {post b 2}\nrun COMMIT\nsync",
    ),
    same(
        "messages after an error are skipped",
        "run {fail}\nrun {post a 1}\nparse p SELECT 1\nclose S p\ndescribe S p\nsync\nrun {post b 2}\nsync",
    ),
    same(
        "a query ends the skipping not at all",
        "run {fail}\nflush\nread E\nsend-query SELECT 2 AS two\nsync",
    ),
    same("two syncs in flight", "run {post a 1}\nsend-sync\nrun {post b 2}\nsync\nread Z"),
    same(
        "many syncs in flight and an error",
        "run {post a 1}\nsend-sync\nrun {post a 2}\nsend-sync\nrun {post b 3}\nsend-sync\n\
         run SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\nsync\nread Z\nread Z\nread Z",
    ),
    same("sync and sync", "send-sync\nsync\nread Z"),
    same("a sync and a query in flight", "run {post a 1}\nsend-sync\nquery {post b 2}\nread Z"),
    same("a query before sync", "run {post a 1}\nsend-query {post b 2}\nread Z\nsync"),
    same("a query in the middle that fails", "run {post a 1}\nsend-query {fail}\nread Z\nsync"),
    same("terminate without sync", "run {post a 1}\nterminate"),
    same("hang up without sync", "run {post a 1}\nrun {post b 2}\nhang-up"),
    same("terminate inside a block", "run BEGIN\nrun {post a 1}\nsync\nterminate"),
    same("an empty statement", "run\nrun {post a 1}\nrun ;\nsync"),
    same("two statements in one parse", "run {post a 1}; {post b 2}\nsync"),
    same(
        "close in the middle",
        "parse p {post a 1}\nbind c p\nexecute c 0\nclose P c\nclose S p\nrun {post b 2}\nsync",
    ),
    same("a portal twice", "parse p {post a 1}\nbind c p\nexecute c 0\nexecute c 0\nsync"),
    same(
        "a portal is gone after sync",
        "parse p SELECT 1 AS one\nbind c p\nsync\nexecute c 0\nsync",
    ),
    same(
        "a portal lives on in a block",
        "query BEGIN\nparse p SELECT 1 AS one\nbind c p\nsync\nexecute c 0\nsync\nquery COMMIT",
    ),
    same(
        "a read only block in a pipeline",
        "run BEGIN READ ONLY\nrun {post a 1}\nrun COMMIT\nsync\nquery ROLLBACK",
    ),
    same(
        "set in a failed pipeline is undone",
        "run SET tallybook.book = '{book}'\nrun {fail}\nsync\nquery SHOW tallybook.book",
    ),
    same(
        "accounts opened and used in one pipeline",
        "run INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}', 'new', 'USD', 'expense')\n\
         run INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', 'a', 'new', 'cash', 5)\nrun SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nsync",
    ),
];

#[test]
fn pipelines_answer_as_postgres() {
    compare(CASES);
}
