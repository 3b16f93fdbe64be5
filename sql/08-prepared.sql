INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- A prepared statement is parsed and planned once. Drivers do it through the protocol; in SQL it looks like this.
PREPARE post (text, text, text, numeric) AS
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', $1, $2, $3, $4) RETURNING seq, deduplicated;

EXECUTE post ('order-1', 'cash', 'sales', 100);
EXECUTE post ('order-2', 'cash', 'sales', 200);
EXECUTE post ('order-2', 'cash', 'sales', 200);
EXECUTE post ('order-3', 'wallet', 'sales', 300);

PREPARE balance AS SELECT balance FROM accounts WHERE book = 'shop' AND path = $1;
EXECUTE balance ('cash');

DEALLOCATE balance;
EXECUTE balance ('cash');
