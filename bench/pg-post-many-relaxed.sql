\set b random(1, 999)
\set amt random(1, 10000)
\set k1 random(0, 9000000000000000)
SELECT * FROM post('b' || :b, 'k-' || :client_id || '-' || :k1, 'acct:0', 'acct:1', :amt, false);
