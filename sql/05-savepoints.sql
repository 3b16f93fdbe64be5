INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- A savepoint marks a place in a block to come back to.
BEGIN;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-1', 'cash', 'sales', 100);
SAVEPOINT second;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-2', 'cash', 'sales', 200);
SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash';
ROLLBACK TO second;
SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash';
COMMIT;

-- It also takes back an error, and the block goes on.
BEGIN;
SAVEPOINT try;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'payout-1', 'wallet', 'cash', 300);
ROLLBACK TO try;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'top-up-1', 'cash', 'wallet', 300);
RELEASE try;
COMMIT;

SELECT seq, idempotency_key FROM transactions WHERE book = 'shop' ORDER BY seq;

-- Names that are not there, and savepoints without a block.
BEGIN;
ROLLBACK TO nowhere;
ROLLBACK;
SAVEPOINT alone;
