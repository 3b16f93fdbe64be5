\set n random(100000000001, 100000000000 + :transfers)
SELECT seq, idempotency_key, committed_at, metadata FROM transactions
WHERE tx_id = ('00000000-0000-7000-8000-' || :n)::uuid;
