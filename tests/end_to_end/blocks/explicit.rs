//! BEGIN … COMMIT, statement by statement.

use super::differences::Difference::NoPositionYet;
use super::{Case, compare, differing, same};

const CASES: &[Case] = &[
    same("writes and commit", "query BEGIN\nquery {post a 1}\nquery {post b 2}\nquery COMMIT"),
    same("writes and rollback", "query BEGIN\nquery {post a 1}\nquery {post b 2}\nquery ROLLBACK"),
    same(
        "end and abort",
        "query BEGIN WORK\nquery {post a 1}\nquery END\nquery START TRANSACTION\nquery {post b 2}\nquery ABORT",
    ),
    same("nothing at all", "query BEGIN\nquery COMMIT"),
    differing(
        "returning inside a block",
        "query BEGIN\nquery {post a 1} RETURNING seq, committed_at, deduplicated, amount\nquery COMMIT",
        &[NoPositionYet],
    ),
    same(
        "a block reads its writes",
        "query BEGIN\nquery {post a 1}\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         query {post b 2}\nquery SELECT path, balance, debits, credits FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query SELECT idempotency_key FROM transactions WHERE book = '{book}' ORDER BY idempotency_key\n\
         query SELECT account, amount, direction, balance_after FROM postings WHERE book = '{book}' AND account = 'cash' \
         ORDER BY balance_after\nquery SELECT count(*), sum(amount) FROM transfers WHERE book = '{book}'\nquery COMMIT",
    ),
    same(
        "a block reads its accounts",
        "query BEGIN\nquery INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}', 'new', 'USD', 'expense')\n\
         query SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nquery INSERT INTO transfers \
         (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'new', 'cash', 5)\n\
         query SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nquery COMMIT",
    ),
    same(
        "a rolled back account is unknown",
        "query BEGIN\nquery INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}', 'new', 'USD', 'expense')\n\
         query ROLLBACK\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES ('{book}', 'a', 'new', 'cash', 5)",
    ),
    same(
        "a failed block answers nothing",
        "query BEGIN\nquery {post a 1}\nquery {post b 0}\nquery SELECT 1\nquery {post c 3}\n\
         query BEGIN\nquery nonsense\nquery SAVEPOINT s\nquery SHOW tallybook.book\nquery SET tallybook.book = 'x'\nquery COMMIT\nquery SELECT 1 AS one",
    ),
    same(
        "a failed block in the extended protocol",
        "query BEGIN\nquery {fail}\nrun SELECT 1\nsync\nparse p ROLLBACK\nbind _ p\nexecute _ 0\nsync",
    ),
    same(
        "rollback of a failed block",
        "query BEGIN\nquery {fail}\nquery ROLLBACK\nquery {post a 1}",
    ),
    same(
        "commit of a failed block",
        "query BEGIN\nquery {post a 1}\nquery {fail}\nquery COMMIT\nquery {post b 2}",
    ),
    same(
        "commit and chain of a failed block",
        "query BEGIN\nquery {fail}\nquery COMMIT AND CHAIN\nquery {post b 2}\nquery COMMIT",
    ),
    same(
        "begin in a block warns",
        "query BEGIN\nquery {post a 1}\nquery BEGIN\nquery START TRANSACTION\nquery COMMIT",
    ),
    same(
        "commit and rollback outside warn",
        "query COMMIT\nquery ROLLBACK\nquery END\nquery ABORT",
    ),
    same(
        "chain keeps its characteristics",
        "query BEGIN READ ONLY\nquery COMMIT AND CHAIN\nquery {post a 1}\nquery ROLLBACK AND CHAIN\nquery {post b 1}\nquery ROLLBACK",
    ),
    same(
        "and no chain",
        "query BEGIN\nquery {post a 1}\nquery COMMIT AND NO CHAIN\nquery BEGIN\nquery ROLLBACK AND NO CHAIN",
    ),
    same(
        "a read only block",
        "query BEGIN READ ONLY\nquery SELECT 1 AS one\nquery {post a 1}\nquery SELECT 1\nquery ROLLBACK",
    ),
    same(
        "read only by set transaction",
        "query BEGIN\nquery SET TRANSACTION READ ONLY\nquery {post a 1}\nquery ROLLBACK",
    ),
    same(
        "read write again before the first query",
        "query BEGIN READ ONLY\nquery SET TRANSACTION READ WRITE\nquery {post a 1}\nquery COMMIT",
    ),
    same(
        "read write after a query",
        "query BEGIN READ ONLY\nquery SELECT 1 AS one\nquery SET TRANSACTION READ WRITE\nquery ROLLBACK",
    ),
    same(
        "read only after a write",
        "query BEGIN\nquery {post a 1}\nquery SET TRANSACTION READ ONLY\nquery {post b 2}\nquery ROLLBACK",
    ),
    same(
        "a read only session",
        "query SET default_transaction_read_only = on\nquery {post a 1}\nquery BEGIN\nquery {post a 1}\nquery ROLLBACK\n\
         query BEGIN READ WRITE\nquery {post b 2}\nquery COMMIT\nquery SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE\nquery {post c 3}",
    ),
    same(
        "isolation after a query",
        "query BEGIN\nquery SELECT 1 AS one\nquery SET TRANSACTION ISOLATION LEVEL REPEATABLE READ\nquery ROLLBACK",
    ),
    same(
        "isolation after a write",
        "query BEGIN\nquery {post a 1}\nquery SET TRANSACTION ISOLATION LEVEL SERIALIZABLE\nquery COMMIT",
    ),
    same(
        "isolation levels",
        "query BEGIN ISOLATION LEVEL SERIALIZABLE\nquery SHOW transaction_isolation\nquery {post a 1}\nquery COMMIT\n\
         query BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE\nquery SHOW transaction_isolation\nquery {post b 2}\nquery COMMIT\n\
         query BEGIN\nquery SET TRANSACTION ISOLATION LEVEL REPEATABLE READ\nquery SHOW transaction_isolation\nquery COMMIT\n\
         query SHOW transaction_isolation",
    ),
    same(
        "serializable alone commits",
        "query BEGIN ISOLATION LEVEL SERIALIZABLE\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         query {post a 1}\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\nquery COMMIT",
    ),
    same("set transaction outside warns", "query SET TRANSACTION READ ONLY\nquery {post a 1}"),
    same(
        "below the minimum in a block",
        "query BEGIN\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', 'fill', 'cash', 'wallet', 10)\nquery INSERT INTO transfers (book, idempotency_key, debit_account, \
         credit_account, amount) VALUES ('{book}', 'spend', 'wallet', 'sales', 7)\nquery INSERT INTO transfers (book, \
         idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'again', 'wallet', 'sales', 7)\nquery COMMIT",
    ),
    same(
        "a conflict within the block",
        "query BEGIN\nquery {post a 1}\nquery {post a 2}\nquery COMMIT",
    ),
    same(
        "a conflict with what was there",
        "query {post a 1}\nquery BEGIN\nquery {post a 2}\nquery COMMIT",
    ),
    same(
        "after a rollback the key is free",
        "query BEGIN\nquery {post a 1}\nquery ROLLBACK\nquery {post a 2}",
    ),
    same("hang up in a block", "query BEGIN\nquery {post a 1}\nquery {post b 2}\nhang-up"),
    same("terminate in a block", "query BEGIN\nquery {post a 1}\nquery {post b 2}\nterminate"),
    same("hang up in a failed block", "query BEGIN\nquery {post a 1}\nquery {fail}\nhang-up"),
    same(
        "several rows in one insert",
        "query BEGIN\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', 'a', 'cash', 'sales', 1), ('{book}', 'b', 'cash', 'sales', 2) RETURNING idempotency_key, amount\nquery COMMIT",
    ),
    same(
        "one bad row of several",
        "query BEGIN\nquery {post x 9}\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', 'a', 'cash', 'sales', 1), ('{book}', 'b', 'cash', 'nobody', 2)\nquery COMMIT",
    ),
    same(
        "two books in one block",
        "query BEGIN\nquery INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}-two', 'cash', 'USD', 'asset'), \
         ('{book}-two', 'sales', 'USD', 'income')\nquery {post a 1}\nquery INSERT INTO transfers (book, idempotency_key, \
         debit_account, credit_account, amount) VALUES ('{book}-two', 'a', 'cash', 'sales', 2)\nquery COMMIT\n\
         query SELECT book, path, balance FROM accounts WHERE book LIKE '{book}%' ORDER BY book, path",
    ),
    same(
        "a statement that is refused fails the block",
        "query BEGIN\nquery {post a 1}\nquery DELETE FROM transactions\nquery COMMIT",
    ),
    same(
        "a reversal of what the block wrote",
        "query BEGIN\nquery INSERT INTO transactions (tx_id, book, idempotency_key, postings) VALUES ('{id 1}', '{book}', 'a', \
         '[{\"account\":\"cash\",\"amount\":\"5\",\"direction\":\"debit\"},{\"account\":\"sales\",\"amount\":\"5\",\"direction\":\"credit\"}]')\n\
         query INSERT INTO transactions (book, idempotency_key, reverses) VALUES ('{book}', 'undo', '{id 1}')\n\
         query SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nquery COMMIT",
    ),
    same(
        "a second reversal in the block",
        "query INSERT INTO transactions (tx_id, book, idempotency_key, postings) VALUES ('{id 1}', '{book}', 'a', \
         '[{\"account\":\"cash\",\"amount\":\"5\",\"direction\":\"debit\"},{\"account\":\"sales\",\"amount\":\"5\",\"direction\":\"credit\"}]')\n\
         query BEGIN\nquery INSERT INTO transactions (book, idempotency_key, reverses) VALUES ('{book}', 'undo', '{id 1}')\n\
         query INSERT INTO transactions (book, idempotency_key, reverses) VALUES ('{book}', 'undo again', '{id 1}')\nquery COMMIT",
    ),
    same(
        "account changes in a block",
        "query BEGIN\nquery UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'sales'\nquery {post a 1}\nquery ROLLBACK\n\
         query {post b 2}\nquery UPDATE accounts SET metadata = '{\"a\": 1}', min_balance = -5 WHERE book = '{book}' AND path = 'cash'\n\
         query UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'sales'\nquery {post c 3}",
    ),
    same(
        "closed and opened again in a block",
        "query BEGIN\nquery UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'sales'\n\
         query SELECT path, closed FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query UPDATE accounts SET closed = false WHERE book = '{book}' AND path = 'sales'\nquery {post a 1}\nquery COMMIT",
    ),
];

#[test]
fn blocks_answer_as_postgres() {
    compare(CASES);
}
