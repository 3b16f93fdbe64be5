-- The ledger that tallybook's tables pretend to be, as real tables of PostgreSQL 15.
--
-- The tests send the same statements to tallybook and to this, and compare the answers. So the names of tables, columns
-- and constraints are those of tallybook, and every rule is kept by a constraint or by a trigger with the same SQLSTATE.
-- What a plain table cannot do is left out: a replay is a unique violation here, and `events` does not exist.

CREATE TABLE assets (
  id text PRIMARY KEY,
  class text NOT NULL,
  network text,
  native_id text,
  precision smallint NOT NULL,
  name text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE books (book text PRIMARY KEY, head_seq bigint NOT NULL);

CREATE TABLE accounts (
  book text NOT NULL DEFAULT current_setting('tallybook.book', true),
  path text NOT NULL,
  asset text NOT NULL CONSTRAINT accounts_asset_fkey REFERENCES assets,
  kind text NOT NULL,
  normal_side text GENERATED ALWAYS AS (
    CASE WHEN kind IN ('asset', 'expense') THEN 'debit' WHEN kind = 'clearing' THEN NULL ELSE 'credit' END) STORED,
  min_balance numeric(38,0),
  balance numeric(38,0) GENERATED ALWAYS AS (
    CASE WHEN kind IN ('asset', 'expense', 'clearing') THEN debits - credits ELSE credits - debits END) STORED,
  debits numeric(38,0) NOT NULL DEFAULT 0,
  credits numeric(38,0) NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  closed boolean NOT NULL DEFAULT false,
  opened_seq bigint,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (book, path)
);

CREATE TABLE transactions (
  tx_id uuid DEFAULT gen_random_uuid(),
  book text NOT NULL DEFAULT current_setting('tallybook.book', true),
  seq bigint NOT NULL,
  lsn bigint GENERATED ALWAYS AS IDENTITY,
  idempotency_key text NOT NULL,
  occurred_at timestamptz,
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  metadata jsonb NOT NULL DEFAULT '{}',
  external_refs jsonb NOT NULL DEFAULT '{}',
  reverses uuid,
  postings jsonb,
  deduplicated boolean NOT NULL DEFAULT false,
  posted_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT transactions_pkey PRIMARY KEY (tx_id),
  CONSTRAINT transactions_idempotency_key UNIQUE (book, idempotency_key),
  CONSTRAINT transactions_reverses_key UNIQUE (reverses)
);

CREATE TABLE postings (
  tx_id uuid NOT NULL REFERENCES transactions,
  idx integer NOT NULL,
  book text NOT NULL,
  seq bigint NOT NULL,
  lsn bigint NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  amount numeric(38,0) NOT NULL CONSTRAINT postings_amount_positive CHECK (amount > 0),
  direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
  balance_after numeric(38,0) NOT NULL,
  occurred_at timestamptz,
  committed_at timestamptz NOT NULL,
  PRIMARY KEY (tx_id, idx)
);

-- In a schema of its own because names of constraints are names of indexes, and those are unique in a schema.
CREATE SCHEMA two_legged;
CREATE TABLE two_legged.transfers (
  tx_id uuid DEFAULT gen_random_uuid(),
  book text NOT NULL DEFAULT current_setting('tallybook.book', true),
  seq bigint NOT NULL,
  idempotency_key text NOT NULL,
  debit_account text NOT NULL,
  credit_account text NOT NULL,
  asset text,
  amount numeric(38,0) NOT NULL,
  occurred_at timestamptz,
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  metadata jsonb NOT NULL DEFAULT '{}',
  deduplicated boolean NOT NULL DEFAULT false,
  CONSTRAINT transactions_pkey PRIMARY KEY (tx_id),
  CONSTRAINT transactions_idempotency_key UNIQUE (book, idempotency_key)
);
ALTER DATABASE tallybook SET search_path = public, two_legged;

-- Positions: every opened or changed account and every transaction takes the next one of its book.

CREATE FUNCTION next_seq(of_book text) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO books (book, head_seq) VALUES (of_book, 1)
  ON CONFLICT (book) DO UPDATE SET head_seq = books.head_seq + 1 RETURNING head_seq
$$;

CREATE FUNCTION take_seq() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- What ON CONFLICT is about to skip takes no position.
  IF EXISTS (SELECT FROM transactions WHERE book = NEW.book AND idempotency_key = NEW.idempotency_key)
    OR EXISTS (SELECT FROM two_legged.transfers WHERE book = NEW.book AND idempotency_key = NEW.idempotency_key)
  THEN
    NEW.seq := coalesce(NEW.seq, 0);
  ELSIF NEW.book IS NOT NULL AND NEW.seq IS NULL THEN
    NEW.seq := next_seq(NEW.book);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER take_seq BEFORE INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION take_seq();
CREATE TRIGGER take_seq BEFORE INSERT ON two_legged.transfers FOR EACH ROW EXECUTE FUNCTION take_seq();

CREATE FUNCTION take_opened_seq() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM accounts WHERE book = NEW.book AND path = NEW.path) THEN
    NEW.opened_seq := next_seq(NEW.book);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER take_seq BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION take_opened_seq();

CREATE FUNCTION take_changed_seq() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM next_seq(NEW.book);
  RETURN NEW;
END $$;
CREATE TRIGGER take_changed_seq AFTER UPDATE ON accounts FOR EACH ROW
  WHEN (OLD.min_balance IS DISTINCT FROM NEW.min_balance OR OLD.metadata <> NEW.metadata OR OLD.closed <> NEW.closed)
  EXECUTE FUNCTION take_changed_seq();

-- A posting finds its transaction and its account, and moves the account.

CREATE FUNCTION post_leg() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  its_transaction transactions;
  its_account accounts;
BEGIN
  SELECT * INTO its_transaction FROM transactions WHERE tx_id = NEW.tx_id;
  IF NOT FOUND THEN
    RAISE foreign_key_violation USING MESSAGE = 'there is no such transaction', CONSTRAINT = 'postings_tx_id_fkey';
  END IF;
  IF its_transaction.posted_in <> pg_current_xact_id() THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the transaction is committed: it is complete';
  END IF;
  SELECT * INTO its_account FROM accounts WHERE book = its_transaction.book AND path = NEW.account FOR UPDATE;
  IF NOT FOUND THEN
    RAISE foreign_key_violation USING MESSAGE = 'there is no such account', CONSTRAINT = 'postings_account_fkey';
  END IF;
  IF its_account.closed THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the account is closed';
  END IF;
  IF NEW.asset <> its_account.asset THEN
    RAISE check_violation USING MESSAGE = 'the account holds another asset', CONSTRAINT = 'postings_asset_matches_account';
  END IF;
  NEW.book := its_transaction.book;
  NEW.seq := its_transaction.seq;
  NEW.lsn := its_transaction.lsn;
  NEW.occurred_at := its_transaction.occurred_at;
  NEW.committed_at := its_transaction.committed_at;
  NEW.asset := its_account.asset;
  NEW.idx := coalesce(NEW.idx, (SELECT count(*) FROM postings WHERE tx_id = NEW.tx_id));
  UPDATE accounts
  SET debits = debits + CASE WHEN NEW.direction = 'debit' THEN NEW.amount ELSE 0 END,
      credits = credits + CASE WHEN NEW.direction = 'credit' THEN NEW.amount ELSE 0 END
  WHERE book = NEW.book AND path = NEW.account
  RETURNING balance INTO NEW.balance_after;
  RETURN NEW;
END $$;
CREATE TRIGGER post_leg BEFORE INSERT ON postings FOR EACH ROW EXECUTE FUNCTION post_leg();

-- What holds for a whole transaction: at once if it came whole, at COMMIT if its postings come one by one.

CREATE FUNCTION check_whole(which uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) FROM postings WHERE tx_id = which) < 2 OR EXISTS (
    SELECT FROM postings WHERE tx_id = which GROUP BY asset
    HAVING sum(CASE WHEN direction = 'debit' THEN amount ELSE -amount END) <> 0)
  THEN
    RAISE check_violation USING MESSAGE = 'the postings do not balance', CONSTRAINT = 'transactions_balanced';
  END IF;
  IF EXISTS (
    SELECT FROM postings p JOIN accounts a ON a.book = p.book AND a.path = p.account
    WHERE p.tx_id = which AND a.balance < a.min_balance)
  THEN
    RAISE check_violation USING MESSAGE = 'the balance would be below its minimum', CONSTRAINT = 'accounts_min_balance';
  END IF;
END $$;

CREATE FUNCTION post_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.reverses IS NOT NULL THEN
    INSERT INTO postings (tx_id, account, asset, amount, direction)
    SELECT NEW.tx_id, account, asset, amount, CASE direction WHEN 'debit' THEN 'credit' ELSE 'debit' END
    FROM postings WHERE tx_id = NEW.reverses ORDER BY idx;
  ELSIF NEW.postings IS NOT NULL THEN
    INSERT INTO postings (tx_id, account, asset, amount, direction)
    SELECT NEW.tx_id, leg->>'account', leg->>'asset', (leg->>'amount')::numeric, leg->>'direction'
    FROM jsonb_array_elements(NEW.postings) leg;
  ELSE
    RETURN NEW;
  END IF;
  PERFORM check_whole(NEW.tx_id);
  -- With two legs it is a transfer too, whichever table it came through.
  IF pg_trigger_depth() = 1 AND (SELECT count(*) FROM postings WHERE tx_id = NEW.tx_id) = 2 THEN
    INSERT INTO two_legged.transfers
      (tx_id, book, seq, idempotency_key, debit_account, credit_account, asset, amount, occurred_at, metadata)
    SELECT NEW.tx_id, NEW.book, NEW.seq, NEW.idempotency_key, d.account, c.account, d.asset, d.amount, NEW.occurred_at, NEW.metadata
    FROM postings d JOIN postings c USING (tx_id)
    WHERE tx_id = NEW.tx_id AND d.direction = 'debit' AND c.direction = 'credit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER post_whole AFTER INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION post_whole();

CREATE FUNCTION check_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM check_whole(NEW.tx_id);
  RETURN NEW;
END $$;
CREATE CONSTRAINT TRIGGER transactions_balanced AFTER INSERT ON transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.postings IS NULL AND NEW.reverses IS NULL)
  EXECUTE FUNCTION check_at_commit();

CREATE FUNCTION post_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO transactions (tx_id, book, seq, idempotency_key, occurred_at, metadata, postings)
  VALUES (NEW.tx_id, NEW.book, NEW.seq, NEW.idempotency_key, NEW.occurred_at, NEW.metadata, jsonb_build_array(
    jsonb_build_object('account', NEW.debit_account, 'asset', NEW.asset, 'amount', NEW.amount, 'direction', 'debit'),
    jsonb_build_object('account', NEW.credit_account, 'asset', NEW.asset, 'amount', NEW.amount, 'direction', 'credit')));
  RETURN NEW;
END $$;
CREATE TRIGGER post_transfer AFTER INSERT ON two_legged.transfers FOR EACH ROW WHEN (pg_trigger_depth() = 0)
  EXECUTE FUNCTION post_transfer();

-- A ledger is added to, never changed.

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE feature_not_supported USING MESSAGE = 'a ledger is not changed', HINT = 'Post a reversal.';
END $$;
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON transactions FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON postings FOR EACH STATEMENT EXECUTE FUNCTION refuse();

INSERT INTO assets (id, class, network, precision, name) VALUES
  ('USD', 'fiat', NULL, 2, 'US dollar'), ('EUR', 'fiat', NULL, 2, 'Euro'), ('ETH', 'crypto', 'ethereum', 18, 'Ether');
