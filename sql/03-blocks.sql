INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- A block is written at COMMIT, all of it or nothing. Inside it sees its own writes; nobody else does.
BEGIN;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'top-up-1', 'cash', 'wallet', 500);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-1', 'wallet', 'sales', 300);
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
COMMIT;

-- Positions and times are given by the log when the block is written: inside they are NULL.
BEGIN;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-2', 'wallet', 'sales', 50) RETURNING seq, committed_at, deduplicated;
COMMIT;
SELECT seq, idempotency_key FROM transactions WHERE book = 'shop' ORDER BY seq;

-- Every statement is checked at once. After an error nothing but ROLLBACK helps, and COMMIT is one.
BEGIN;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-3', 'wallet', 'sales', 100);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-4', 'wallet', 'sales', 100);
SELECT 1;
COMMIT;

-- Nothing of it happened.
SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;

-- Blocks may span books: they are written together.
BEGIN;
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('warehouse', 'stock', 'USD', 'asset'), ('warehouse', 'owed', 'USD', 'liability');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'move-1', 'cash', 'sales', 70), ('warehouse', 'move-1', 'stock', 'owed', 70);
COMMIT;
SELECT book, head_seq, accounts, transactions FROM books ORDER BY book;

-- A block may be for reading only.
BEGIN READ ONLY;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-5', 'cash', 'sales', 100);
ROLLBACK;
