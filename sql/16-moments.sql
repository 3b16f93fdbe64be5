INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'asset'), ('shop', 'sales', 'USD', 'income');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '2026-01-30 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-2', 'cash', 'sales', 700, '2026-02-02 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-3', 'cash', 'sales', 40, '2026-01-31 10:00Z');

-- What has changed since the second order was recorded?
SELECT path, t.balance AS before, a.balance AS now
FROM accounts a JOIN accounts_at_lsn('shop', 5) t USING (book, path)
ORDER BY path;

-- The same with a time.
SELECT committed_at AS learned FROM transactions WHERE book = 'shop' AND idempotency_key = 'order-2' \gset
SELECT path, balance FROM accounts_at('shop', :'learned') ORDER BY path;
SELECT * FROM trial_balance_at('shop', :'learned');
SELECT * FROM trial_balance;

-- By the time that the transactions say of themselves: order-3 came late and belongs to January.
SELECT * FROM trial_balance_on('shop', '2026-01-31');
SELECT * FROM trial_balance_on('shop', '2026-02-28');

-- With parameters, and for every book.
PREPARE balances (text, bigint) AS SELECT path, balance FROM accounts_at_lsn($1, $2) ORDER BY path;
EXECUTE balances ('shop', 4);
SELECT b.book, t.asset, t.debits FROM books b, LATERAL trial_balance_at_lsn(b.book, 4) t;

-- A moment has to be the same for all rows.
SELECT * FROM transactions t, accounts_at(t.book, t.committed_at);
