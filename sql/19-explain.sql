INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'asset'), ('shop', 'sales', 'USD', 'income');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '2026-01-30 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-2', 'cash', 'sales', 700, '2026-02-02 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-3', 'cash', 'sales', 40, '2026-01-31 10:00Z');

-- access says how a scan finds its rows, selection what it was told, cut where the log ends for it.
EXPLAIN SELECT amount FROM postings WHERE book = 'shop' AND account = 'cash';
EXPLAIN SELECT * FROM transfers WHERE book = 'shop' AND idempotency_key = 'order-2';
EXPLAIN SELECT seq FROM postings WHERE lsn > 4 AND amount > 100 LIMIT 1;

-- Views and functions are looked through.
EXPLAIN SELECT balance FROM accounts_at_lsn('shop', 5) WHERE path = 'cash';

-- A moment of the past is another cut.
SET tallybook.as_of_lsn = 5;
EXPLAIN SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash';
RESET tallybook.as_of_lsn;

-- ANALYZE runs the query; time is left out here, because it is never the same.
EXPLAIN (ANALYZE, TIMING off, SUMMARY off) SELECT amount FROM postings WHERE book = 'shop' AND account = 'cash' AND amount > 100;

-- What writes is explained and not run.
EXPLAIN INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-4', 'cash', 'sales', 1);
EXPLAIN ANALYZE INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-4', 'cash', 'sales', 1);
EXPLAIN (FORMAT json) SELECT 1;
EXPLAIN (SPEED) SELECT 1;
