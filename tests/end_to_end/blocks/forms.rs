//! The forms an INSERT takes: ON CONFLICT, DEFAULT, SELECT, WITH, RETURNING, casts.

use super::differences::Difference::NotSupported;
use super::{Case, compare, differing, same};

const CASES: &[Case] = &[
    same(
        "on conflict do nothing",
        "query {post a 1} ON CONFLICT DO NOTHING\nquery {post a 2} ON CONFLICT DO NOTHING\nquery {post a 2} ON CONFLICT (book, idempotency_key) DO NOTHING\n\
         query {post b 3} ON CONFLICT (book, idempotency_key) DO NOTHING",
    ),
    same(
        "on conflict of some rows",
        "query {post a 1}\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', \
         'sales', 2), ('{book}', 'b', 'cash', 'sales', 3) ON CONFLICT (book, idempotency_key) DO NOTHING RETURNING idempotency_key, amount",
    ),
    same(
        "on conflict within the statement",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', \
         'sales', 2), ('{book}', 'a', 'cash', 'sales', 3) ON CONFLICT DO NOTHING RETURNING idempotency_key, amount",
    ),
    same(
        "on conflict in a block",
        "query {post a 1}\nquery BEGIN\nquery {post a 2} ON CONFLICT DO NOTHING\nquery {post b 3}\nquery {post b 4} ON CONFLICT DO NOTHING\nquery COMMIT",
    ),
    same(
        "on conflict in a pipeline",
        "run {post a 1}\nrun {post a 2} ON CONFLICT DO NOTHING\nrun {post b 3} ON CONFLICT DO NOTHING RETURNING idempotency_key\nsync",
    ),
    same(
        "on conflict on a constraint",
        "query {post a 1}\nquery {post a 2} ON CONFLICT ON CONSTRAINT transactions_idempotency_key DO NOTHING\n\
         query {post a 3} ON CONFLICT ON CONSTRAINT nothing DO NOTHING",
    ),
    same(
        "on conflict of columns without a constraint",
        "query {post a 1} ON CONFLICT (amount) DO NOTHING\nquery {post a 1} ON CONFLICT (nothing) DO NOTHING",
    ),
    same("on conflict does not hide other refusals", "query {post a 0} ON CONFLICT DO NOTHING"),
    same(
        "on conflict of the id",
        "query INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, amount) VALUES ('{id 1}', '{book}', 'a', 'cash', 'sales', 1)\n\
         query INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, amount) VALUES ('{id 1}', '{book}', 'b', 'cash', 'sales', 1) \
         ON CONFLICT (book, idempotency_key) DO NOTHING\n\
         query INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, amount) VALUES ('{id 1}', '{book}', 'b', 'cash', 'sales', 1) \
         ON CONFLICT (tx_id) DO NOTHING",
    ),
    same(
        "on conflict of accounts",
        "query INSERT INTO accounts (book, path, asset, kind) VALUES ('{book}', 'cash', 'EUR', 'asset'), ('{book}', 'new', 'EUR', 'asset') \
         ON CONFLICT (book, path) DO NOTHING",
    ),
    same(
        "on conflict of assets",
        "query INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 3, 'dollar') ON CONFLICT (id) DO NOTHING\n\
         query INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 3, 'dollar') ON CONFLICT DO NOTHING",
    ),
    same(
        "default as a value",
        "query INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, asset, amount, occurred_at, metadata) VALUES \
         (DEFAULT, '{book}', 'a', 'cash', 'sales', DEFAULT, 1, DEFAULT, DEFAULT) RETURNING occurred_at, metadata",
    ),
    same(
        "default where there is none",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES \
         ('{book}', DEFAULT, 'cash', 'sales', 1)",
    ),
    same(
        "several rows and default",
        "query INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES ('{book}', 'x', 'USD', 'asset', DEFAULT), ('{book}', 'y', 'USD', 'asset', -5)",
    ),
    same(
        "insert select",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) SELECT '{book}', 'n' || n, 'cash', 'sales', n \
         FROM generate_series(1, 3) AS n\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         SELECT book, idempotency_key || '-again', debit_account, credit_account, amount FROM transfers WHERE book = '{book}' ORDER BY seq",
    ),
    same(
        "insert select of nothing",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) SELECT book, 'x', 'cash', 'sales', 1 FROM transfers \
         WHERE book = '{book}'",
    ),
    same(
        "insert select from values",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) SELECT '{book}', k, 'cash', 'sales', a FROM \
         (VALUES ('a', 1), ('b', 2)) AS v (k, a)",
    ),
    same(
        "insert select in a block sees the block",
        "query BEGIN\nquery {post a 1}\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         SELECT book, 'copy of ' || idempotency_key, debit_account, credit_account, amount FROM transfers WHERE book = '{book}'\nquery COMMIT",
    ),
    same(
        "insert select with a bad row",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) SELECT '{book}', 'n' || n, 'cash', 'sales', 2 - n \
         FROM generate_series(1, 3) AS n ORDER BY n",
    ),
    differing(
        "with before an insert",
        "query WITH source AS (SELECT 'a' AS k, 5 AS amount) INSERT INTO transfers (book, idempotency_key, debit_account, \
         credit_account, amount) SELECT '{book}', k, 'cash', 'sales', amount FROM source",
        &[NotSupported],
    ),
    same(
        "with feeds an insert",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         WITH source AS (SELECT 'a' AS k, 5 AS amount) SELECT '{book}', k, 'cash', 'sales', amount FROM source \
         RETURNING idempotency_key, amount",
    ),
    same(
        "an expression as a value",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a' || 'b', lower('CASH'), 'sales', 2 * 3 + 1)",
    ),
    same(
        "a subquery as a value",
        "query {post a 1}\nquery INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'b', 'cash', 'sales', \
         (SELECT sum(amount) + 1 FROM transfers WHERE book = '{book}'))",
    ),
    same(
        "casts",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES ('{book}'::text, 5::text, \
         CAST('cash' AS varchar), 'sales', '7'::numeric, '2026-01-02 03:04:05+00'::timestamptz, '{\"a\": 1}'::jsonb) RETURNING amount, occurred_at, metadata",
    ),
    same(
        "returning with other names",
        "query {post a 5} RETURNING amount AS cents, deduplicated AS d, 1 AS one, amount::text || '!' AS said",
    ),
    differing(
        "returning what is computed",
        "query {post a 5} RETURNING amount * 2 AS twice, upper(debit_account) AS up",
        &[NotSupported],
    ),
    same("returning a column that is not there", "query {post a 5} RETURNING nothing"),
    differing("returning an aggregate", "query {post a 5} RETURNING count(*)", &[NotSupported]),
    same(
        "returning with the name of the table",
        "query {post a 5} RETURNING transfers.amount, transfers.idempotency_key",
    ),
    same(
        "an alias of the table",
        "query INSERT INTO transfers AS t (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', 'sales', 5) RETURNING t.amount",
    ),
    same(
        "a schema before the name",
        "query INSERT INTO public.accounts (book, path, asset, kind) VALUES ('{book}', 'x', 'USD', 'asset')",
    ),
    same(
        "columns in any order",
        "query INSERT INTO transfers (amount, credit_account, debit_account, idempotency_key, book) VALUES (5, 'sales', 'cash', 'a', '{book}')",
    ),
    same("a column twice", "query INSERT INTO transfers (book, book) VALUES ('a', 'b')"),
    same(
        "too many and too few values",
        "query INSERT INTO transfers (book, idempotency_key) VALUES ('a')\nquery INSERT INTO transfers (book) VALUES ('a', 'b')\n\
         query INSERT INTO transfers (book, idempotency_key) VALUES ('a', 'b'), ('c')",
    ),
    same(
        "null where it must not be",
        "query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', NULL, 'cash', 'sales', 5)\n\
         query INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', 'sales', NULL)",
    ),
    same(
        "a reversal",
        "query INSERT INTO transactions (tx_id, book, idempotency_key, postings) VALUES ('{id 1}', '{book}', 'a', \
         '[{\"account\":\"cash\",\"amount\":\"5\",\"direction\":\"debit\"},{\"account\":\"sales\",\"amount\":\"5\",\"direction\":\"credit\"}]')\n\
         query INSERT INTO transactions (book, idempotency_key, reverses) VALUES ('{book}', 'undo', '{id 1}')\n\
         query INSERT INTO transactions (book, idempotency_key, reverses) VALUES ('{book}', 'undo again', '{id 1}')",
    ),
    same(
        "update of accounts",
        "query UPDATE accounts SET min_balance = -100 WHERE book = '{book}' AND path = 'cash'\nquery UPDATE accounts SET metadata = '{\"a\": 1}' \
         WHERE path = 'sales' AND book = '{book}'\nquery UPDATE accounts SET min_balance = NULL, closed = false WHERE book = '{book}' AND path = 'wallet'\n\
         query UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'nobody'",
    ),
    same(
        "update of accounts returning",
        "query UPDATE accounts SET min_balance = -100 WHERE book = '{book}' AND path = 'cash' RETURNING path, min_balance, closed",
    ),
    same(
        "update with parameters",
        "parse p UPDATE accounts SET min_balance = $1, metadata = $2 WHERE book = $3 AND path = $4\nbind _ p -7 {\"a\":2} {book} cash\nexecute _ 0\nsync",
    ),
    same(
        "update in a pipeline with a write",
        "run UPDATE accounts SET closed = true WHERE book = '{book}' AND path = 'till:eur'\nrun {post a 1}\nsync",
    ),
    same(
        "prepared values of every kind",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES \
         ($1::text, $2::varchar, $3, $4, $5::bigint, $6::timestamptz, $7::jsonb) RETURNING amount, occurred_at, metadata\n\
         bind _ p {book} a cash sales 5 2026-01-02T03:04:05Z {\"a\":1}\ndescribe P _\nexecute _ 0\nsync\n\
         bind _ p {book} b cash sales 5 NULL {}\nexecute _ 0\nsync",
    ),
    same(
        "a fixed list by parameter",
        "parse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) SELECT '{book}', k, 'cash', 'sales', a FROM \
         unnest($1::text[], $2::numeric[]) AS u (k, a)\nbind _ p {a,b} {1,2}\nexecute _ 0\nsync",
    ),
];

#[test]
fn forms_of_insert_and_update_answer_as_postgres() {
    compare(CASES);
}
