-- What happened to an account, line by line, in the order of the record: what it held before, what
-- was debited or credited, what it held after. Name a book and an account to read one statement.
SELECT p.book,
       p.account,
       p.seq,
       p.idx,
       p.tx_id,
       p.occurred_at,
       p.committed_at,
       p.asset,
       (p.balance_after - CASE WHEN p.direction = coalesce(a.normal_side, 'debit')
                               THEN p.amount ELSE -p.amount END)::numeric(38,0) AS balance_before,
       (CASE WHEN p.direction = 'debit' THEN p.amount END)::numeric(38,0) AS debit,
       (CASE WHEN p.direction = 'credit' THEN p.amount END)::numeric(38,0) AS credit,
       p.balance_after
  FROM postings p
  JOIN accounts a ON a.book = p.book AND a.path = p.account
