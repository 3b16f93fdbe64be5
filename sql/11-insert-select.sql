INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- What a query finds can be posted. It reads the ledger as it is when the statement begins.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'sale-1', 'cash', 'sales', 1000), ('shop', 'sale-2', 'cash', 'sales', 3000);

-- Ten percent of every sale into the wallet.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
SELECT book, 'bonus for ' || idempotency_key, 'sales', 'wallet', amount / 10
FROM transfers WHERE book = 'shop' AND idempotency_key LIKE 'sale-%' ORDER BY seq
RETURNING idempotency_key, amount;

-- Opening accounts for a list.
INSERT INTO accounts (book, path, asset, kind)
WITH names (path) AS (VALUES ('client:1'), ('client:2'))
SELECT 'shop', path, 'USD', 'liability' FROM names;

-- A whole book into another one.
INSERT INTO accounts (book, path, asset, kind, min_balance)
SELECT 'copy', path, asset, kind, min_balance FROM accounts WHERE book = 'shop' ORDER BY opened_seq;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
SELECT 'copy', idempotency_key, debit_account, credit_account, amount FROM transfers WHERE book = 'shop' ORDER BY seq;

SELECT path, sum(balance) FILTER (WHERE book = 'shop') AS shop, sum(balance) FILTER (WHERE book = 'copy') AS copy
FROM accounts GROUP BY path ORDER BY path;
