//! Savepoints, as people, ORMs and postgres_fdw use them.

use super::{Case, compare, same};

const CASES: &[Case] = &[
    same(
        "rollback to keeps what was before",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nquery {post b 2}\nquery ROLLBACK TO SAVEPOINT s\nquery {post c 3}\nquery COMMIT",
    ),
    same(
        "release keeps everything",
        "query BEGIN\nquery SAVEPOINT s\nquery {post a 1}\nquery RELEASE SAVEPOINT s\nquery COMMIT",
    ),
    same(
        "an error and back",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nquery {post b 0}\nquery SELECT 1\nquery ROLLBACK TO s\nquery {post c 3}\nquery COMMIT",
    ),
    same(
        "nested",
        "query BEGIN\nquery SAVEPOINT one\nquery {post a 1}\nquery SAVEPOINT two\nquery {post b 2}\nquery SAVEPOINT three\nquery {post c 3}\n\
         query ROLLBACK TO two\nquery {post d 4}\nquery ROLLBACK TO three\nquery ROLLBACK TO one\nquery {post e 5}\nquery COMMIT",
    ),
    same(
        "nested errors",
        "query BEGIN\nquery SAVEPOINT one\nquery {post a 1}\nquery SAVEPOINT two\nquery {post b 0}\nquery ROLLBACK TO two\nquery {post c 3}\n\
         query {fail}\nquery ROLLBACK TO one\nquery {post d 4}\nquery COMMIT",
    ),
    same(
        "release takes the inner ones along",
        "query BEGIN\nquery SAVEPOINT one\nquery SAVEPOINT two\nquery {post a 1}\nquery RELEASE one\nquery ROLLBACK TO two",
    ),
    same(
        "a name used again hides the older",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nquery {post b 2}\nquery SAVEPOINT s\nquery {post c 3}\nquery ROLLBACK TO s\n\
         query RELEASE s\nquery ROLLBACK TO s\nquery COMMIT",
    ),
    same(
        "names fold as identifiers do",
        "query BEGIN\nquery SAVEPOINT Mine\nquery {post a 1}\nquery ROLLBACK TO MINE\nquery SAVEPOINT \"Mine\"\nquery {post b 2}\n\
         query ROLLBACK TO \"Mine\"\nquery RELEASE \"mine\"\nquery COMMIT",
    ),
    same(
        "rollback to again and again",
        "query BEGIN\nquery SAVEPOINT s\nquery {post a 1}\nquery ROLLBACK TO s\nquery {post b 2}\nquery ROLLBACK TO s\nquery {post c 3}\nquery COMMIT",
    ),
    same(
        "rollback to nothing",
        "query BEGIN\nquery {post a 1}\nquery ROLLBACK TO nothing\nquery SELECT 1\nquery COMMIT",
    ),
    same(
        "release of nothing",
        "query BEGIN\nquery {post a 1}\nquery RELEASE nothing\nquery COMMIT",
    ),
    same(
        "rollback to nothing in a failed block",
        "query BEGIN\nquery SAVEPOINT s\nquery {fail}\nquery ROLLBACK TO nothing\nquery ROLLBACK TO s\nquery {post a 1}\nquery COMMIT",
    ),
    same(
        "release in a failed block",
        "query BEGIN\nquery SAVEPOINT s\nquery {fail}\nquery RELEASE s\nquery ROLLBACK TO s\nquery COMMIT",
    ),
    same(
        "a savepoint in a failed block",
        "query BEGIN\nquery {fail}\nquery SAVEPOINT s\nquery ROLLBACK",
    ),
    same(
        "a savepoint ends with its block",
        "query BEGIN\nquery SAVEPOINT s\nquery COMMIT\nquery BEGIN\nquery ROLLBACK TO s\nquery ROLLBACK",
    ),
    same(
        "rollback work to savepoint",
        "query BEGIN\nquery SAVEPOINT s\nquery {post a 1}\nquery ROLLBACK WORK TO SAVEPOINT s\nquery COMMIT WORK",
    ),
    same(
        "commit with open savepoints",
        "query BEGIN\nquery SAVEPOINT one\nquery {post a 1}\nquery SAVEPOINT two\nquery {post b 2}\nquery COMMIT",
    ),
    same(
        "a minimum checked against what is left",
        "query BEGIN\nquery SAVEPOINT s\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', 'fill', 'cash', 'wallet', 10)\nquery ROLLBACK TO s\nquery INSERT INTO transfers (book, idempotency_key, debit_account, \
         credit_account, amount) VALUES ('{book}', 'spend', 'wallet', 'sales', 7)\nquery ROLLBACK",
    ),
    same(
        "a key is free again after rollback to",
        "query BEGIN\nquery SAVEPOINT s\nquery {post a 1}\nquery ROLLBACK TO s\nquery {post a 2}\nquery COMMIT",
    ),
    same(
        "balances after rollback to",
        "query BEGIN\nquery {post a 1}\nquery SAVEPOINT s\nquery {post b 2}\nquery SELECT balance FROM accounts WHERE book = '{book}' \
         AND path = 'cash'\nquery ROLLBACK TO s\nquery SELECT balance FROM accounts WHERE book = '{book}' AND path = 'cash'\n\
         query SELECT idempotency_key FROM transactions WHERE book = '{book}'\nquery COMMIT",
    ),
    same(
        "an account undone",
        "query BEGIN\nquery SAVEPOINT s\nquery INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}', 'new', 'USD', 'asset')\n\
         query ROLLBACK TO s\nquery SELECT path FROM accounts WHERE book = '{book}' ORDER BY path\nquery INSERT INTO accounts \
         (book, path, asset, kind) VALUES ('{book}', 'new', 'EUR', 'asset')\nquery COMMIT",
    ),
    same(
        "postgres_fdw",
        "query START TRANSACTION ISOLATION LEVEL REPEATABLE READ\nquery SAVEPOINT s2\nquery {post a 1}\nquery RELEASE SAVEPOINT s2\n\
         query SAVEPOINT s2\nquery {post b 0}\nquery ROLLBACK TO SAVEPOINT s2\nquery RELEASE SAVEPOINT s2\nquery {post c 3}\n\
         query COMMIT TRANSACTION",
    ),
    same(
        "an orm around every flush",
        "query BEGIN\nquery SAVEPOINT sa_savepoint_1\nrun {post a 1}\nsync\nquery RELEASE SAVEPOINT sa_savepoint_1\n\
         query SAVEPOINT sa_savepoint_2\nrun {post b 0}\nsync\nquery ROLLBACK TO SAVEPOINT sa_savepoint_2\n\
         query SAVEPOINT sa_savepoint_3\nrun {post c 3}\nsync\nquery RELEASE SAVEPOINT sa_savepoint_3\nquery COMMIT",
    ),
    same(
        "set is undone with its savepoint",
        "query BEGIN\nquery SAVEPOINT s\nquery SET tallybook.book = '{book}'\nquery ROLLBACK TO s\nquery SHOW tallybook.book\nquery COMMIT",
    ),
    same("savepoint without a name", "query BEGIN\nquery SAVEPOINT\nquery ROLLBACK"),
    same(
        "read only after a savepoint",
        "query BEGIN\nquery SAVEPOINT s\nquery SET TRANSACTION READ ONLY\nquery {post a 1}\nquery ROLLBACK TO s\nquery {post b 2}\nquery COMMIT",
    ),
    same(
        "isolation inside a savepoint",
        "query BEGIN\nquery SAVEPOINT s\nquery SET TRANSACTION ISOLATION LEVEL SERIALIZABLE\nquery ROLLBACK",
    ),
    same(
        "chain with savepoints",
        "query BEGIN\nquery SAVEPOINT s\nquery {post a 1}\nquery COMMIT AND CHAIN\nquery ROLLBACK TO s\nquery ROLLBACK",
    ),
];

#[test]
fn savepoints_answer_as_postgres() {
    compare(CASES);
}
