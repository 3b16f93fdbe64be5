-- The transfers that tallybook gets by COPY, with the seqs it gives them and the indexes it has.
CREATE TEMP TABLE posted AS
SELECT n, 1000 + n AS seq, ('00000000-0000-7000-8000-' || (100000000000 + n))::uuid AS tx_id,
       'acct:' || n % 1000 AS debit, 'acct:' || (n % 1000 + 1 + n % 997) % 1000 AS credit,
       1 + n % 5000 AS amount
FROM generate_series(1, :transfers) n;
INSERT INTO transactions (tx_id, book, seq, idempotency_key)
SELECT tx_id, 'b0', seq, 'read-' || n FROM posted ORDER BY n;
INSERT INTO postings (tx_id, idx, book, seq, account_id, asset, amount, direction, balance_after)
SELECT tx_id, idx, 'b0', seq, a.id, 'USD', amount, direction,
       sum(CASE direction WHEN 'C' THEN amount ELSE -amount END)
         OVER (PARTITION BY a.id ORDER BY seq, idx)
FROM (SELECT tx_id, 0 AS idx, seq, debit AS path, amount, 'D'::"char" AS direction FROM posted
      UNION ALL SELECT tx_id, 1, seq, credit, amount, 'C'::"char" FROM posted) leg
JOIN accounts a ON a.book = 'b0' AND a.path = leg.path ORDER BY seq, idx;
UPDATE accounts a SET balance = coalesce((SELECT balance_after FROM postings p
  WHERE p.account_id = a.id ORDER BY p.seq DESC, p.idx DESC LIMIT 1), 0) WHERE a.book = 'b0';
CREATE UNIQUE INDEX transactions_seq ON transactions (book, seq);
VACUUM ANALYZE;
