INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, metadata) VALUES
  ('shop', 'a', 'cash', 'sales', 100, '{"note": "first, of five"}'), ('shop', 'b', 'cash', 'sales', 200, NULL),
  ('shop', 'c', 'cash', 'sales', 300, NULL), ('shop', 'd', 'cash', 'sales', 400, NULL),
  ('shop', 'e', 'cash', 'sales', 500, NULL);

-- What COPY TO writes of a table, COPY FROM takes in again: what the ledger assigns is left out.
COPY accounts TO STDOUT;
COPY transfers (book, idempotency_key, debit_account, credit_account, amount, metadata) TO STDOUT WITH (FORMAT csv, HEADER);

-- Columns that the ledger assigns can be named, and any query can be copied.
COPY transfers (seq, idempotency_key, amount) TO STDOUT;
COPY (SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path) TO STDOUT WITH (FORMAT csv, DELIMITER ';', FORCE_QUOTE (path));

-- A view is copied as a query.
COPY trial_balance TO STDOUT;
COPY (SELECT * FROM trial_balance WHERE book = 'shop') TO STDOUT (FORMAT csv, HEADER);

-- In a block it shows what the block has written.
BEGIN;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('shop', 'f', 'cash', 'sales', 600);
COPY (SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path) TO STDOUT;
ROLLBACK;
