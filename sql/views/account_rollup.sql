-- Every account and every path above one: `treasury` holds the sums of `treasury`, `treasury:btc`
-- and `treasury:btc:hot`, and nothing of `treasury2`. `accounts` counts those with a balance of
-- their own beneath a path, itself included. `balance` is turned to the side on which all of them
-- have theirs, and NULL where sides meet; `debits - credits` always adds up.
SELECT book,
       prefix AS path,
       asset,
       count(*) AS accounts,
       sum(debits)::numeric(38,0) AS debits,
       sum(credits)::numeric(38,0) AS credits,
       (CASE WHEN min(side) = max(side) THEN sum(balance) END)::numeric(38,0) AS balance
  FROM (SELECT book,
               unnest(path_prefixes(path)) AS prefix,
               asset,
               coalesce(normal_side, 'debit') AS side,
               debits,
               credits,
               balance
          FROM accounts) AS leaves
 GROUP BY book, prefix, asset
