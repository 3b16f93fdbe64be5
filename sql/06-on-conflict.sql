INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- A repeated key with the same content is answered with the original. ON CONFLICT DO NOTHING is for whoever wants to skip
-- instead, whatever the content is: the tag counts what was written.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'order-1', 'cash', 'sales', 100);

INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'order-1', 'cash', 'sales', 100)
ON CONFLICT DO NOTHING;

INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'order-1', 'cash', 'sales', 999),
  ('shop', 'order-2', 'cash', 'sales', 200)
ON CONFLICT (book, idempotency_key) DO NOTHING
RETURNING idempotency_key, amount;

-- It skips conflicts of keys, not breaches of rules.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'payout-1', 'wallet', 'sales', 100)
ON CONFLICT DO NOTHING;

-- Accounts and assets too.
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'liability'), ('shop', 'fees', 'USD', 'expense')
ON CONFLICT (book, path) DO NOTHING;

-- There is nothing to update in a ledger.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'order-1', 'cash', 'sales', 100)
ON CONFLICT (book, idempotency_key) DO UPDATE SET amount = 100;

SELECT path, kind, balance FROM accounts WHERE book = 'shop' ORDER BY path;
