-- A ledger begins with its assets. Amounts are integers of the smallest unit: cents.
INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');

-- A book exists from its first account. The kind decides the side on which the balance grows.
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'asset'),
  ('shop', 'sales', 'USD', 'income'),
  ('shop', 'tax', 'USD', 'liability'),
  ('shop', 'fees', 'USD', 'expense');

-- A transaction has a key of yours and two or more postings that balance.
INSERT INTO transactions (book, idempotency_key, postings, metadata) VALUES
  ('shop', 'order-1001',
   '[{"account": "cash",  "amount": "1190", "direction": "debit"},
     {"account": "sales", "amount": "1000", "direction": "credit"},
     {"account": "tax",   "amount": "190",  "direction": "credit"}]',
   '{"order": 1001}')
RETURNING seq, deduplicated;

-- With two legs it is a transfer: no JSON needed.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'fee-1001', 'fees', 'cash', 35);

-- Several rows are one statement: all of them or none.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('shop', 'order-1002', 'cash', 'sales', 2000),
  ('shop', 'order-1003', 'cash', 'sales', 500);

-- Set the book once and leave it out.
SET tallybook.book = 'shop';
INSERT INTO transfers (idempotency_key, debit_account, credit_account, amount)
VALUES ('order-1004', 'cash', 'sales', 800);

SELECT path, kind, balance FROM accounts WHERE book = 'shop' ORDER BY path;

SELECT seq, account, direction, amount, balance_after
FROM postings WHERE book = 'shop' AND account = 'cash' ORDER BY seq;

SELECT * FROM trial_balance WHERE book = 'shop';
