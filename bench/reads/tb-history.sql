\set a random(0, 999)
\set s random(0, :transfers / 2)
SELECT seq, idx, amount, direction, balance_after, committed_at FROM postings
WHERE book = 'b0' AND account = 'acct:' || :a AND seq > :s ORDER BY seq LIMIT 100;
