INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('shop', 'cash', 'USD', 'asset'), ('shop', 'sales', 'USD', 'income');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '2026-01-30 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-2', 'cash', 'sales', 700, '2026-02-02 10:00Z');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at)
VALUES ('shop', 'order-3', 'cash', 'sales', 40, '2026-01-31 10:00Z');
INSERT INTO transactions (book, idempotency_key, reverses) VALUES
  ('shop', 'undo order-1', (SELECT tx_id FROM transfers WHERE book = 'shop' AND idempotency_key = 'order-1'));

-- Line by line: what the account held before, what came, what it held after.
SELECT seq, debit, credit, balance_before, balance_after
FROM account_statement WHERE book = 'shop' AND account = 'cash' ORDER BY seq, idx;

-- On the side where the account has its balance.
SELECT seq, debit, credit, balance_before, balance_after
FROM account_statement WHERE book = 'shop' AND account = 'sales' ORDER BY seq, idx;

-- As people read it.
SELECT s.occurred_at::date AS day, t.idempotency_key,
       format_amount(s.debit, s.asset) AS debit, format_amount(s.credit, s.asset) AS credit,
       format_amount(s.balance_after, s.asset) AS balance
FROM account_statement s JOIN transactions t ON t.book = s.book AND t.seq = s.seq
WHERE s.book = 'shop' AND s.account = 'cash' ORDER BY s.seq;

-- As it looked before the order was undone.
SET tallybook.as_of_lsn = 6;
SELECT seq, debit, credit, balance_after
FROM account_statement WHERE book = 'shop' AND account = 'cash' ORDER BY seq, idx;
