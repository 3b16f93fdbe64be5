INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL),
  ('shop', 'wallet', 'USD', 'liability', 0);

-- COPY loads files: accounts, transfers, transactions, in text, CSV or binary.
COPY accounts (book, path, asset, kind) FROM STDIN WITH (FORMAT csv, HEADER);
book,path,asset,kind
shop,fees,USD,expense
shop,bank,USD,asset
\.

COPY transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) FROM STDIN WITH (FORMAT csv);
shop,1,cash,sales,1000,2026-01-02T09:00:00Z,"{""order"": 1}"
shop,2,cash,sales,2500,2026-01-02T09:30:00Z,
shop,3,bank,cash,3000,,
\.

COPY transactions (book, idempotency_key, postings) FROM STDIN;
shop	4	[{"account":"bank","amount":"970","direction":"debit"},{"account":"fees","amount":"30","direction":"debit"},{"account":"sales","amount":"1000","direction":"credit"}]
\.

SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;

-- One COPY is all or nothing. The error says the line.
COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN;
shop	5	cash	sales	10
shop	6	cash	sails	10
\.

-- The same file again adds nothing: the keys are known.
COPY transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) FROM STDIN WITH (FORMAT csv);
shop,1,cash,sales,1000,2026-01-02T09:00:00Z,"{""order"": 1}"
shop,2,cash,sales,2500,2026-01-02T09:30:00Z,
shop,3,bank,cash,3000,,
\.

-- In a block it is written with the block.
BEGIN;
COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN;
shop	7	cash	sales	10
\.
ROLLBACK;

-- A file beyond the size of a frame is committed in pieces.
COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN WITH (commit_every 2);
shop	8	cash	sales	10
shop	9	cash	sales	10
shop	10	cash	sales	10
\.

SELECT count(*), max(seq) FROM transactions WHERE book = 'shop';
