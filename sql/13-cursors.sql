INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');
INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
  ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL);
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, metadata) VALUES
  ('shop', 'a', 'cash', 'sales', 100, '{"note": "first, of five"}'), ('shop', 'b', 'cash', 'sales', 200, NULL),
  ('shop', 'c', 'cash', 'sales', 300, NULL), ('shop', 'd', 'cash', 'sales', 400, NULL),
  ('shop', 'e', 'cash', 'sales', 500, NULL);

-- A cursor gives a result in pieces. It reads the ledger as it was when it was declared.
BEGIN;
DECLARE moves CURSOR FOR SELECT idempotency_key, amount FROM transfers WHERE book = 'shop' ORDER BY seq;
FETCH 2 FROM moves;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('shop', 'f', 'cash', 'sales', 600);
MOVE 1 FROM moves;
FETCH ALL FROM moves;
COMMIT;

-- With its block it is gone.
FETCH moves;

-- With SCROLL it goes back too.
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT idempotency_key, amount FROM transfers WHERE book = 'shop' ORDER BY seq;
FETCH LAST FROM back;
FETCH BACKWARD 2 FROM back;
FETCH ABSOLUTE 2 FROM back;
COMMIT;

-- Without SCROLL it does not.
BEGIN;
DECLARE forth NO SCROLL CURSOR FOR SELECT idempotency_key, amount FROM transfers WHERE book = 'shop' ORDER BY seq;
FETCH 2 FROM forth;
FETCH PRIOR FROM forth;
ROLLBACK;

-- WITH HOLD it outlives its block, with the rows it had.
DECLARE held CURSOR WITH HOLD FOR SELECT path, balance FROM accounts WHERE book = 'shop' ORDER BY path;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('shop', 'g', 'cash', 'sales', 700);
FETCH ALL FROM held;
CLOSE held;
