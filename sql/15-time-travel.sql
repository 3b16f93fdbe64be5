INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'asset'), ('shop', 'sales', 'USD', 'income');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '2026-01-30 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-2', 'cash', 'sales', 700, '2026-02-02 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-3', 'cash', 'sales', 40, '2026-01-31 10:00Z');

-- Every event has its place in the log. The session can go to any of them.
SELECT lsn, kind, payload->>'idempotency_key' AS key FROM events ORDER BY lsn;
SET tallybook.as_of_lsn = 5;
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
SELECT idempotency_key, amount FROM transfers WHERE book = 'shop' ORDER BY seq;

-- Nothing can be written there.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-4', 'cash', 'sales', 1);
SHOW transaction_read_only;

-- Back to the present.
RESET tallybook.as_of_lsn;
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;

-- A moment may be a time: that of the record, when the ledger learned of things.
SELECT committed_at AS learned FROM transactions WHERE book = 'shop' AND idempotency_key = 'order-2' \gset
SET tallybook.as_of = :'learned';
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
SET tallybook.as_of = '2000-01-01';
SELECT count(*) FROM events;
RESET ALL;

-- For one block only.
BEGIN;
SET LOCAL tallybook.as_of_lsn = 4;
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
COMMIT;
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;

-- The two accounts were opened together: the ledger never stood between them.
SET tallybook.as_of_lsn = 2;
SET tallybook.as_of_lsn = 99;
SET tallybook.as_of = '2999-01-01';
