//! Transactions that an ORM assembles: the head first, its postings behind, checked at COMMIT.

use super::differences::Difference::NoPositionYet;
use super::{Case, compare, differing, same};

const CASES: &[Case] = &[
    same(
        "head and postings",
        "query BEGIN\nquery INSERT INTO transactions (book, idempotency_key) VALUES ('{book}', 'a') RETURNING tx_id\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{tx_id}', 'cash', 5, 'debit')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{tx_id}', 'sales', 5, 'credit')\nquery COMMIT",
    ),
    same(
        "postings in one statement",
        "query BEGIN\nquery INSERT INTO transactions (book, idempotency_key, metadata) VALUES ('{book}', 'a', '{\"n\": 1}') RETURNING tx_id\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{tx_id}', 'cash', 5, 'debit'), \
         ('{tx_id}', 'sales', 3, 'credit'), ('{tx_id}', 'wallet', 2, 'credit')\nquery COMMIT",
    ),
    same(
        "a given id",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 1}', 'sales', 5, 'credit')\nquery COMMIT\nquery SELECT tx_id FROM transactions WHERE book = '{book}'",
    ),
    same(
        "with the asset named",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, asset, amount, direction) VALUES ('{id 1}', 'cash', 'USD', 5, 'debit'), \
         ('{id 1}', 'sales', 'USD', 5, 'credit')\nquery COMMIT",
    ),
    same(
        "two heads and then their postings",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a'), ('{id 2}', '{book}', 'b')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 2}', 'cash', 7, 'debit'), ('{id 1}', 'sales', 5, 'credit'), ('{id 2}', 'sales', 7, 'credit')\nquery COMMIT",
    ),
    same(
        "unbalanced at commit",
        "query BEGIN\nquery {post before 1}\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 1}', 'sales', 4, 'credit')\nquery COMMIT\nquery SELECT 1 AS one",
    ),
    same(
        "no postings at commit",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\nquery COMMIT\nquery ROLLBACK",
    ),
    same(
        "one posting at commit",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "unbalanced in one asset of two",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 1}', 'sales', 5, 'credit'), ('{id 1}', 'till:eur', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "unbalanced and rolled back",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\nquery ROLLBACK",
    ),
    same(
        "unbalanced at commit in a pipeline",
        "run BEGIN\nrun INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         run INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nrun COMMIT\nrun {post b 1}\nsync",
    ),
    same(
        "unbalanced at the end of a query",
        "query {post before 1}; INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a'); \
         INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')",
    ),
    same(
        "unbalanced at sync",
        "run {post before 1}\nrun INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         run INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nsync",
    ),
    same(
        "assembled in a pipeline",
        "run INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         run INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\n\
         run INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 5, 'credit')\nsync",
    ),
    same(
        "assembled in one query",
        "query INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a'); \
         INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), ('{id 1}', 'sales', 5, 'credit')",
    ),
    same(
        "a head alone outside of a block",
        "query INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')",
    ),
    same(
        "an unknown account at its statement",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'nobody', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "a wrong asset at its statement",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, asset, amount, direction) VALUES ('{id 1}', 'cash', 'EUR', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "an amount of zero at its statement",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 0, 'debit')\nquery COMMIT",
    ),
    same(
        "a closed account at its statement",
        "query UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'sales'\nquery BEGIN\n\
         query INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "an unknown transaction",
        "query BEGIN\nquery INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 9}', 'cash', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "a committed transaction is complete",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 1}', 'sales', 5, 'credit')\nquery COMMIT\nquery BEGIN\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nquery COMMIT",
    ),
    same(
        "a missing amount",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, direction) VALUES ('{id 1}', 'cash', 'debit')\nquery COMMIT",
    ),
    same(
        "a bad row among postings adds none",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\nquery SAVEPOINT s\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), \
         ('{id 1}', 'nobody', 5, 'credit')\nquery ROLLBACK TO s\nquery INSERT INTO postings (tx_id, account, amount, direction) \
         VALUES ('{id 1}', 'cash', 5, 'debit'), ('{id 1}', 'sales', 5, 'credit')\nquery COMMIT",
    ),
    same(
        "postings undone by a savepoint",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nquery SAVEPOINT s\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 4, 'credit')\nquery ROLLBACK TO s\n\
         query SELECT account, amount, direction FROM postings WHERE book = '{book}'\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 5, 'credit')\nquery COMMIT",
    ),
    same(
        "a head undone by a savepoint",
        "query BEGIN\nquery SAVEPOINT s\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query ROLLBACK TO s\nquery INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\nquery ROLLBACK",
    ),
    same(
        "the key is taken already",
        "query {post a 1}\nquery BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'b')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit'), ('{id 1}', 'sales', 5, 'credit')\n\
         query {post a 2}\nquery COMMIT",
    ),
    same(
        "the block sees what it assembles",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit')\n\
         query SELECT account, asset, amount, direction, balance_after FROM postings WHERE book = '{book}'\n\
         query SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 5, 'credit')\n\
         query SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query SELECT tx_id, idempotency_key FROM transactions WHERE book = '{book}'\nquery COMMIT",
    ),
    differing(
        "returning of postings",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a') RETURNING tx_id, seq, committed_at\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'cash', 5, 'debit') \
         RETURNING tx_id, idx, account, asset, amount, direction, seq\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'sales', 5, 'credit') RETURNING idx\nquery COMMIT",
        &[NoPositionYet],
    ),
    same(
        "below the minimum at commit",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'wallet', 5, 'debit'), ('{id 1}', 'sales', 5, 'credit')\n\
         query COMMIT",
    ),
    same(
        "below the minimum in between only",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'wallet', 5, 'debit')\n\
         query INSERT INTO postings (tx_id, account, amount, direction) VALUES ('{id 1}', 'wallet', 5, 'credit')\nquery COMMIT",
    ),
    same(
        "with parameters",
        "query BEGIN\nparse head INSERT INTO transactions (book, idempotency_key) VALUES ($1, $2) RETURNING tx_id\n\
         bind _ head {book} a\ndescribe P _\nexecute _ 0\nsync\n\
         parse leg INSERT INTO postings (tx_id, account, amount, direction) VALUES ($1, $2, $3, $4)\ndescribe S leg\n\
         bind _ leg {tx_id} cash 5 debit\nexecute _ 0\nbind _ leg {tx_id} sales 5 credit\nexecute _ 0\nsync\nquery COMMIT",
    ),
    same(
        "commit and chain that fails",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key) VALUES ('{id 1}', '{book}', 'a')\nquery COMMIT AND CHAIN\nquery ROLLBACK",
    ),
    same(
        "set constraints",
        "query BEGIN\nquery SET CONSTRAINTS ALL DEFERRED\nquery {post a 1}\nquery COMMIT",
    ),
];

#[test]
fn assembled_transactions_answer_as_postgres() {
    compare(CASES);
}
