INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- An ORM writes the head of a transaction first and its postings behind. They are one transaction at COMMIT.
BEGIN;
INSERT INTO transactions (tx_id, book, idempotency_key, metadata)
VALUES ('01900000-0000-7000-8000-000000000001', 'shop', 'order-1', '{"order": 1}') RETURNING tx_id;
INSERT INTO postings (tx_id, account, amount, direction) VALUES
  ('01900000-0000-7000-8000-000000000001', 'cash', 1500, 'debit');
INSERT INTO postings (tx_id, account, amount, direction) VALUES
  ('01900000-0000-7000-8000-000000000001', 'sales', 1200, 'credit'),
  ('01900000-0000-7000-8000-000000000001', 'wallet', 300, 'credit');
COMMIT;

SELECT seq, account, direction, amount, balance_after FROM postings WHERE book = 'shop' ORDER BY idx;

-- A posting is checked when it comes…
BEGIN;
INSERT INTO transactions (tx_id, book, idempotency_key)
VALUES ('01900000-0000-7000-8000-000000000002', 'shop', 'order-2');
INSERT INTO postings (tx_id, account, amount, direction) VALUES
  ('01900000-0000-7000-8000-000000000002', 'petty cash', 1500, 'debit');
ROLLBACK;

-- … and the balance at COMMIT, like a deferred constraint. Then nothing of the block is written.
BEGIN;
INSERT INTO transactions (tx_id, book, idempotency_key)
VALUES ('01900000-0000-7000-8000-000000000002', 'shop', 'order-2');
INSERT INTO postings (tx_id, account, amount, direction) VALUES
  ('01900000-0000-7000-8000-000000000002', 'cash', 1500, 'debit'),
  ('01900000-0000-7000-8000-000000000002', 'sales', 1400, 'credit');
COMMIT;

-- A transaction that is written is complete.
BEGIN;
INSERT INTO postings (tx_id, account, amount, direction) VALUES
  ('01900000-0000-7000-8000-000000000001', 'cash', 1, 'debit');
ROLLBACK;

SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
