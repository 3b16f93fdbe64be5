INSERT INTO assets (id, class, precision, name) VALUES ('BTC', 'crypto', 8, 'Bitcoin'), ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind) VALUES
  ('fund', 'treasury:btc:hot', 'BTC', 'asset'), ('fund', 'treasury:btc:cold', 'BTC', 'asset'),
  ('fund', 'treasury:usd', 'USD', 'asset'), ('fund', 'treasury2', 'USD', 'asset'),
  ('fund', 'capital:btc', 'BTC', 'equity'), ('fund', 'capital:usd', 'USD', 'equity');
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES
  ('fund', 'a', 'treasury:btc:hot', 'capital:btc', 150000000), ('fund', 'b', 'treasury:btc:cold', 'capital:btc', 2500000000),
  ('fund', 'c', 'treasury:usd', 'capital:usd', 990000), ('fund', 'd', 'treasury2', 'capital:usd', 1);

-- Every path holds what lies beneath it; treasury2 is not beneath treasury.
SELECT path, asset, accounts, format_amount(balance, asset) AS balance
FROM account_rollup WHERE book = 'fund' ORDER BY path, asset;

-- Where debit and credit sides meet there is no balance that both would understand; the sums add up.
INSERT INTO accounts (book, path, asset, kind) VALUES ('fund', 'treasury:debts', 'USD', 'liability');
SELECT path, asset, accounts, debits, credits, balance
FROM account_rollup WHERE book = 'fund' AND path = 'treasury' ORDER BY asset;

-- Schema talea has other names for the same.
SET search_path = talea;
SELECT account_key, minor FROM balances WHERE book = 'fund' ORDER BY account_key;
SELECT account_key, direction, minor FROM postings WHERE book = 'fund' ORDER BY seq, idx;
