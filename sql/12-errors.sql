INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- SQLSTATEs and names of constraints are made for programs to branch on.
\set VERBOSITY verbose
\set SHOW_CONTEXT never

-- The postings do not balance.
INSERT INTO transactions (book, idempotency_key, postings) VALUES
  ('shop', 'k', '[{"account": "cash",  "amount": "2", "direction": "debit"},
                  {"account": "sales", "amount": "1", "direction": "credit"}]');

-- There is not enough in the account.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'k', 'wallet', 'sales', 1);

-- There is no such account.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'k', 'cash', 'sails', 1);

-- A key is missing; a fraction of a cent; nothing at all.
INSERT INTO transfers (book, debit_account, credit_account, amount) VALUES ('shop', 'cash', 'sales', 1);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'k', 'cash', 'sales', 1.5);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'k', 'cash', 'sales', 0);

-- The account exists and is another one.
INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'cash', 'USD', 'liability');

-- A ledger is not changed.
DELETE FROM postings;

SELECT count(*) FROM transactions;
