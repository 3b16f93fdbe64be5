\set n random(1, :transfers)
SELECT tx_id, seq, committed_at, metadata FROM transactions
WHERE book = 'b0' AND idempotency_key = 'read-' || :n;
