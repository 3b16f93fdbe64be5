-- Lifetime sums of every book by asset. In a healthy book debits equal credits in every row.
SELECT book,
       asset,
       sum(debits)::numeric(38,0) AS debits,
       sum(credits)::numeric(38,0) AS credits
  FROM accounts
 GROUP BY book, asset
