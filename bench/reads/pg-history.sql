\set a random(0, 999)
\set s random(0, :transfers / 2)
SELECT p.seq, p.idx, p.amount, p.direction, p.balance_after, p.committed_at
FROM postings p JOIN accounts a ON a.id = p.account_id
WHERE a.book = 'b0' AND a.path = 'acct:' || :a AND p.seq > :s ORDER BY p.seq LIMIT 100;
