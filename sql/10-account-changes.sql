INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- What an account is stays; what may change is its minimum, its metadata, and whether it is closed. Every change is an event.
UPDATE accounts SET min_balance = -500 WHERE book = 'shop' AND path = 'wallet';
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'overdraft', 'wallet', 'sales', 300);

UPDATE accounts SET metadata = '{"owner": "tester"}' WHERE book = 'shop' AND path = 'wallet'
RETURNING path, balance, min_balance, metadata;

UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'sales';
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'too late', 'cash', 'sales', 100);
UPDATE accounts SET closed = false WHERE book = 'shop' AND path = 'sales';
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'too late', 'cash', 'sales', 100);

-- An account is named by book and path.
UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'nobody';

-- Balances are moved by postings only.
UPDATE accounts SET balance = 0 WHERE book = 'shop' AND path = 'cash';

SELECT seq, kind FROM events WHERE book = 'shop' ORDER BY seq;
