-- The demo book of `tallybook serve --demo`: a small marketplace that holds money in three assets.
--
-- Amounts are in minor units: 12000 in USD is 120.00 dollars, 2500000 in BTC is 0.025 bitcoin.
-- Every row has a fixed key, so running this file again adds nothing.

INSERT INTO assets (id, class, network, precision, name) VALUES
  ('USD', 'fiat',   NULL,      2, 'US dollar'),
  ('EUR', 'fiat',   NULL,      2, 'Euro'),
  ('BTC', 'crypto', 'bitcoin', 8, 'Bitcoin');

-- What is owed to buyers and sellers may not fall below zero. What is in the clearing accounts is
-- on its way from one asset into another.
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('marketplace', 'cash:usd',                'USD', 'asset',     0),
  ('marketplace', 'cash:eur',                'EUR', 'asset',     0),
  ('marketplace', 'vault:btc',               'BTC', 'asset',     0),
  ('marketplace', 'buyer:1001:usd',          'USD', 'liability', 0),
  ('marketplace', 'buyer:1002:usd',          'USD', 'liability', 0),
  ('marketplace', 'buyer:1003:eur',          'EUR', 'liability', 0),
  ('marketplace', 'buyer:1004:btc',          'BTC', 'liability', 0),
  ('marketplace', 'seller:2001:usd',         'USD', 'liability', 0),
  ('marketplace', 'seller:2002:usd',         'USD', 'liability', 0),
  ('marketplace', 'seller:2003:eur',         'EUR', 'liability', 0),
  ('marketplace', 'fees:usd',                'USD', 'income',    NULL),
  ('marketplace', 'fees:eur',                'EUR', 'income',    NULL),
  ('marketplace', 'expenses:processing:usd', 'USD', 'expense',   NULL),
  ('marketplace', 'expenses:fx:usd',         'USD', 'expense',   NULL),
  ('marketplace', 'expenses:goodwill:usd',   'USD', 'expense',   NULL),
  ('marketplace', 'equity:capital:usd',      'USD', 'equity',    NULL),
  ('marketplace', 'equity:capital:eur',      'EUR', 'equity',    NULL),
  ('marketplace', 'fx:clearing:usd',         'USD', 'clearing',  NULL),
  ('marketplace', 'fx:clearing:eur',         'EUR', 'clearing',  NULL),
  ('marketplace', 'fx:clearing:btc',         'BTC', 'clearing',  NULL);

-- Two legs and no more: a transfer. The owners pay in their capital, buyers top up their wallets.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES
  ('marketplace', 'capital-usd', 'cash:usd',  'equity:capital:usd',  5000000, '2026-09-01 08:00+00', '{"memo": "founding capital"}'),
  ('marketplace', 'capital-eur', 'cash:eur',  'equity:capital:eur',  2000000, '2026-09-01 08:00+00', '{"memo": "founding capital"}'),
  ('marketplace', 'deposit-1',   'cash:usd',  'buyer:1001:usd',        50000, '2026-09-02 09:12+00', '{"channel": "card"}'),
  ('marketplace', 'deposit-2',   'cash:usd',  'buyer:1002:usd',       120000, '2026-09-02 16:40+00', '{"channel": "wire"}'),
  ('marketplace', 'deposit-3',   'cash:eur',  'buyer:1003:eur',        80000, '2026-09-03 07:55+00', '{"channel": "sepa"}'),
  ('marketplace', 'deposit-4',   'vault:btc', 'buyer:1004:btc',     12000000, '2026-09-04 21:03+00', '{"channel": "on-chain", "confirmations": 6}');

-- Three legs: a sale. The buyer's wallet pays, the seller gets 95 %, the marketplace keeps 5 %.
INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-1', '2026-09-05 10:20+00', '{"order": 1, "item": "desk lamp"}',
   '[{"account": "buyer:1001:usd",  "direction": "debit",  "amount": "12000"},
     {"account": "seller:2001:usd", "direction": "credit", "amount": "11400"},
     {"account": "fees:usd",        "direction": "credit", "amount": "600"}]'),
  ('marketplace', 'order-2', '2026-09-06 13:45+00', '{"order": 2, "item": "bicycle"}',
   '[{"account": "buyer:1002:usd",  "direction": "debit",  "amount": "45000"},
     {"account": "seller:2002:usd", "direction": "credit", "amount": "42750"},
     {"account": "fees:usd",        "direction": "credit", "amount": "2250"}]'),
  ('marketplace', 'order-3', '2026-09-08 18:02+00', '{"order": 3, "item": "armchair"}',
   '[{"account": "buyer:1003:eur",  "direction": "debit",  "amount": "20000"},
     {"account": "seller:2003:eur", "direction": "credit", "amount": "19000"},
     {"account": "fees:eur",        "direction": "credit", "amount": "1000"}]'),
  ('marketplace', 'order-4', '2026-09-09 11:31+00', '{"order": 4, "item": "helmet"}',
   '[{"account": "buyer:1001:usd",  "direction": "debit",  "amount": "8000"},
     {"account": "seller:2002:usd", "direction": "credit", "amount": "7600"},
     {"account": "fees:usd",        "direction": "credit", "amount": "400"}]'),
  ('marketplace', 'order-5', '2026-09-11 15:08+00', '{"order": 5, "item": "bookshelf", "quantity": 2}',
   '[{"account": "buyer:1002:usd",  "direction": "debit",  "amount": "26500"},
     {"account": "seller:2001:usd", "direction": "credit", "amount": "25175"},
     {"account": "fees:usd",        "direction": "credit", "amount": "1325"}]');

-- Monday: sellers are paid out, and the card processor takes its share.
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES
  ('marketplace', 'payout-2001-2026-09-14', 'seller:2001:usd',         'cash:usd', 36575, '2026-09-14 06:00+00', '{"run": "2026-W38"}'),
  ('marketplace', 'payout-2002-2026-09-14', 'seller:2002:usd',         'cash:usd', 50350, '2026-09-14 06:00+00', '{"run": "2026-W38"}'),
  ('marketplace', 'processing-2026-09-14',  'expenses:processing:usd', 'cash:usd',   915, '2026-09-14 06:30+00', '{"run": "2026-W38"}');

-- A trade between two assets: the buyer pays 92.00 euros, the seller wants 100.00 dollars. Each
-- asset balances by itself; the clearing accounts hold what is still to be exchanged.
INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-6', '2026-09-16 09:50+00', '{"order": 6, "item": "tent", "rate": "1.0870"}',
   '[{"account": "buyer:1003:eur",  "direction": "debit",  "amount": "9200"},
     {"account": "fx:clearing:eur", "direction": "credit", "amount": "9200"},
     {"account": "fx:clearing:usd", "direction": "debit",  "amount": "10000"},
     {"account": "seller:2001:usd", "direction": "credit", "amount": "9500"},
     {"account": "fees:usd",        "direction": "credit", "amount": "500"}]');

-- A sale that will be taken back. Its id is given, so that the reversal can name it.
INSERT INTO transactions (book, idempotency_key, tx_id, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-7', '01a0af3c-ea00-7000-8000-000000000007', '2026-09-17 12:00+00', '{"order": 7, "item": "rucksack"}',
   '[{"account": "buyer:1001:usd",  "direction": "debit",  "amount": "15000"},
     {"account": "seller:2001:usd", "direction": "credit", "amount": "14250"},
     {"account": "fees:usd",        "direction": "credit", "amount": "750"}]');

-- The bank exchanges the euros of order 6. It gave 99.85 dollars: 0.15 are the cost of the trade.
INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'fx-settlement-1', '2026-09-18 14:15+00', '{"settles": "order-6"}',
   '[{"account": "fx:clearing:eur", "direction": "debit",  "amount": "9200"},
     {"account": "cash:eur",        "direction": "credit", "amount": "9200"},
     {"account": "cash:usd",        "direction": "debit",  "amount": "9985"},
     {"account": "expenses:fx:usd", "direction": "debit",  "amount": "15"},
     {"account": "fx:clearing:usd", "direction": "credit", "amount": "10000"}]');

-- The rucksack came back. History is never changed: a reversal posts the mirror image.
INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, reverses) VALUES
  ('marketplace', 'refund-order-7', '2026-09-19 08:25+00', '{"reason": "returned"}', '01a0af3c-ea00-7000-8000-000000000007');

-- The same with bitcoin: 0.025 bitcoin buy a camera for 1,500.00 dollars.
INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-8', '2026-09-22 19:33+00', '{"order": 8, "item": "camera", "rate": "60000"}',
   '[{"account": "buyer:1004:btc",  "direction": "debit",  "amount": "2500000"},
     {"account": "fx:clearing:btc", "direction": "credit", "amount": "2500000"},
     {"account": "fx:clearing:usd", "direction": "debit",  "amount": "150000"},
     {"account": "seller:2002:usd", "direction": "credit", "amount": "142500"},
     {"account": "fees:usd",        "direction": "credit", "amount": "7500"}]');

INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES
  ('marketplace', 'deposit-5', 'cash:usd', 'buyer:1001:usd', 40000, '2026-09-23 10:10+00', '{"channel": "card"}');

INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-9', '2026-09-24 17:20+00', '{"order": 9, "item": "guitar"}',
   '[{"account": "buyer:1001:usd",  "direction": "debit",  "amount": "22000"},
     {"account": "seller:2002:usd", "direction": "credit", "amount": "20900"},
     {"account": "fees:usd",        "direction": "credit", "amount": "1100"}]'),
  ('marketplace', 'order-10', '2026-09-25 08:47+00', '{"order": 10, "item": "dining table"}',
   '[{"account": "buyer:1003:eur",  "direction": "debit",  "amount": "31000"},
     {"account": "seller:2003:eur", "direction": "credit", "amount": "29450"},
     {"account": "fees:eur",        "direction": "credit", "amount": "1550"}]'),
  ('marketplace', 'fx-settlement-2', '2026-09-26 14:05+00', '{"settles": "order-8"}',
   '[{"account": "fx:clearing:btc", "direction": "debit",  "amount": "2500000"},
     {"account": "vault:btc",       "direction": "credit", "amount": "2500000"},
     {"account": "cash:usd",        "direction": "debit",  "amount": "149400"},
     {"account": "expenses:fx:usd", "direction": "debit",  "amount": "600"},
     {"account": "fx:clearing:usd", "direction": "credit", "amount": "150000"}]');

INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES
  ('marketplace', 'payout-2001-2026-09-28', 'seller:2001:usd',         'cash:usd',         9500, '2026-09-28 06:00+00', '{"run": "2026-W40"}'),
  ('marketplace', 'payout-2002-2026-09-28', 'seller:2002:usd',         'cash:usd',       163400, '2026-09-28 06:00+00', '{"run": "2026-W40"}'),
  ('marketplace', 'payout-2003-2026-09-28', 'seller:2003:eur',         'cash:eur',        48450, '2026-09-28 06:00+00', '{"run": "2026-W40"}'),
  ('marketplace', 'processing-2026-09-28',  'expenses:processing:usd', 'cash:usd',         1480, '2026-09-28 06:30+00', '{"run": "2026-W40"}'),
  ('marketplace', 'goodwill-1',             'expenses:goodwill:usd',   'buyer:1001:usd',   2500, '2026-09-29 11:00+00', '{"reason": "late delivery", "order": 9}');

INSERT INTO transactions (book, idempotency_key, occurred_at, metadata, postings) VALUES
  ('marketplace', 'order-11', '2026-09-30 20:15+00', '{"order": 11, "item": "telescope"}',
   '[{"account": "buyer:1002:usd",  "direction": "debit",  "amount": "30000"},
     {"account": "seller:2001:usd", "direction": "credit", "amount": "28500"},
     {"account": "fees:usd",        "direction": "credit", "amount": "1500"}]'),
  ('marketplace', 'order-12', '2026-10-02 07:30+00', '{"order": 12, "item": "tripod"}',
   '[{"account": "buyer:1002:usd",  "direction": "debit",  "amount": "5500"},
     {"account": "seller:2002:usd", "direction": "credit", "amount": "5225"},
     {"account": "fees:usd",        "direction": "credit", "amount": "275"}]');

INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, occurred_at, metadata) VALUES
  ('marketplace', 'withdrawal-1', 'buyer:1004:btc', 'vault:btc', 4000000, '2026-10-05 22:41+00', '{"channel": "on-chain"}');
