INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- The idempotency key makes a retry safe: send the same thing again whenever you do not know what became of it.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, metadata)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '{"order": 1}')
RETURNING seq, deduplicated;

-- Again: the original's answer, and nothing is posted twice.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, metadata)
VALUES ('shop', 'order-1', 'cash', 'sales', 1500, '{"order": 1}')
RETURNING seq, deduplicated;

-- The same content through another table is the same, whatever the order of the legs.
INSERT INTO transactions (book, idempotency_key, postings, metadata) VALUES
  ('shop', 'order-1',
   '[{"account": "sales", "amount": "1500", "direction": "credit"},
     {"account": "cash",  "amount": "1500", "direction": "debit"}]', '{ "order": 1.0 }')
RETURNING seq, deduplicated;

-- Another content under the same key is a mistake, and the answer says what differs.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, metadata)
VALUES ('shop', 'order-1', 'cash', 'sales', 1600, '{"order": 2}');

-- What was refused did not use its key up.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'payout-1', 'wallet', 'cash', 100);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'top-up-1', 'cash', 'wallet', 500);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
VALUES ('shop', 'payout-1', 'wallet', 'cash', 100);

-- Accounts and assets work the same, so a seed file may run at every start.
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES ('shop', 'wallet', 'USD', 'liability', 0);

SELECT seq, idempotency_key FROM transactions WHERE book = 'shop' ORDER BY seq;
