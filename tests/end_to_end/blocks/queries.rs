//! A simple Query with several statements is one block.

use super::{Case, compare, same};

const CASES: &[Case] = &[
    same("one write", "query {post a 1}"),
    same("two writes", "query {post a 1}; {post b 2}"),
    same(
        "writes and reads in turns",
        "query {post a 1}; SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'; {post b 2}; \
         SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'",
    ),
    same(
        "reads of what the query wrote",
        "query {post a 1}; SELECT idempotency_key FROM transactions WHERE book = '{book}'; \
         SELECT account, amount, direction FROM postings WHERE book = '{book}' ORDER BY idx",
    ),
    same(
        "returning is answered with positions",
        "query {post a 1} RETURNING seq, committed_at, deduplicated; {post b 2} RETURNING seq, deduplicated",
    ),
    same("an error in the middle", "query {post a 1}; {fail}; {post b 2}"),
    same("an error at the end", "query {post a 1}; {post b 2}; {fail}"),
    same("a rejection in the middle", "query {post a 1}; {post b 0}; {post c 3}"),
    same("a rejection at the end", "query {post a 1}; {post b 2}; {post c -3}"),
    same(
        "a deferred failure behind a read",
        "query INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a'); SELECT 1 AS one",
    ),
    same(
        "returning before a read",
        "query {post a 1} RETURNING seq, deduplicated; SELECT 1 AS one; {post b 2} RETURNING seq",
    ),
    same("a conflict within the query", "query {post a 1}; {post a 2}; {post c 3}"),
    same("a conflict with before", "query {post a 1}\nquery {post b 1}; {post a 2}; {post c 3}"),
    same("a syntax error anywhere runs nothing", "query {post a 1}; SELEC 1; {post b 2}"),
    same("an unknown table stops the rest", "query {post a 1}; SELECT * FROM nothing; {post b 2}"),
    same("begin and commit inside", "query BEGIN; {post a 1}; {post b 2}; COMMIT"),
    same("begin and commit and more", "query BEGIN; {post a 1}; COMMIT; {post b 2}"),
    same("begin and commit and a failure", "query BEGIN; {post a 1}; COMMIT; {post b 2}; {fail}"),
    same("begin and rollback inside", "query BEGIN; {post a 1}; ROLLBACK; {post b 2}"),
    same("begin at the end stays open", "query {post a 1}; BEGIN\nquery {post b 2}\nquery COMMIT"),
    same(
        "begin after a write takes the write in",
        "query {post a 1}; BEGIN; {post b 2}\nquery ROLLBACK",
    ),
    same(
        "begin in the middle and commit later",
        "query {post a 1}; BEGIN; {post b 2}\nquery {post c 3}\nquery COMMIT",
    ),
    same("commit after a write", "query {post a 1}; COMMIT; {post b 2}; {fail}"),
    same("rollback after a write", "query {post a 1}; ROLLBACK; {post b 2}"),
    same("commit without begin warns", "query COMMIT\nquery COMMIT; SELECT 1\nquery ROLLBACK"),
    same(
        "a failed begin block goes on",
        "query BEGIN; {post a 1}; {fail}\nquery SELECT 1\nquery COMMIT",
    ),
    same(
        "commit of a failed block in the next query",
        "query BEGIN; {fail}\nquery COMMIT; {post a 1}",
    ),
    same(
        "rollback of a failed block in the next query",
        "query BEGIN; {fail}\nquery ROLLBACK; {post a 1}",
    ),
    same("savepoint outside of a block", "query SAVEPOINT s\nquery ROLLBACK TO s\nquery RELEASE s"),
    same("savepoint in a query of several", "query {post a 1}; SAVEPOINT s; {post b 2}"),
    same(
        "savepoints after begin in one query",
        "query BEGIN; {post a 1}; SAVEPOINT s; {post b 2}; ROLLBACK TO s; {post c 3}; RELEASE s; COMMIT",
    ),
    same("empty statements", "query\nquery ;\nquery ;;{post a 1};;\nquery -- nothing"),
    same("a comment and a write", "query -- first\nquery {post a 1} /* ; */ ; -- the end"),
    same(
        "set is part of the block",
        "query BEGIN; SET tallybook.book = '{book}'; ROLLBACK; SHOW tallybook.book",
    ),
    same(
        "set for the rest of the query",
        "query SET tallybook.book = '{book}'; INSERT INTO transfers (idempotency_key, debit_account, credit_account, \
         amount) VALUES ('a', 'cash', 'sales', 1); RESET tallybook.book",
    ),
    same("set local outside of a block warns", "query SET LOCAL tallybook.book = '{book}'"),
    same(
        "set local in a block",
        "query BEGIN; SET LOCAL tallybook.book = '{book}'; COMMIT; SHOW tallybook.book",
    ),
    same("begin twice warns", "query BEGIN; BEGIN; {post a 1}; COMMIT"),
    same("commit and chain", "query BEGIN; {post a 1}; COMMIT AND CHAIN; {post b 2}; ROLLBACK"),
    same("rollback and chain", "query BEGIN; {post a 1}; ROLLBACK AND CHAIN; {post b 2}; COMMIT"),
    same("chain outside of a block", "query COMMIT AND CHAIN\nquery ROLLBACK AND CHAIN"),
    same("hang up before the answer", "send-query {post a 1}; BEGIN; {post b 2}\nhang-up"),
];

#[test]
fn queries_of_several_statements_answer_as_postgres() {
    compare(CASES);
}
