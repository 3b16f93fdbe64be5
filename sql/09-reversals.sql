INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- A ledger is never changed: a mistake is undone by a transaction that posts the mirror image.
INSERT INTO transactions (tx_id, book, idempotency_key, postings) VALUES
  ('01900000-0000-7000-8000-000000000001', 'shop', 'order-1',
   '[{"account": "cash",  "amount": "1500", "direction": "debit"},
     {"account": "sales", "amount": "1500", "direction": "credit"}]');

INSERT INTO transactions (tx_id, book, idempotency_key, reverses) VALUES
  ('01900000-0000-7000-8000-000000000002', 'shop', 'undo order-1', '01900000-0000-7000-8000-000000000001')
RETURNING seq;

SELECT seq, account, direction, amount, balance_after FROM postings WHERE book = 'shop' ORDER BY seq, idx;

-- Once is enough.
INSERT INTO transactions (book, idempotency_key, reverses) VALUES
  ('shop', 'undo order-1 again', '01900000-0000-7000-8000-000000000001');

-- The one to undo can be looked up by its key.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'order-2', 'cash', 'sales', 200);
INSERT INTO transactions (book, idempotency_key, reverses) VALUES
  ('shop', 'undo order-2',
   (SELECT tx_id FROM transactions WHERE book = 'shop' AND idempotency_key = 'order-2'));

UPDATE transfers SET amount = 100 WHERE idempotency_key = 'order-2';
DELETE FROM transactions WHERE idempotency_key = 'order-2';

SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
