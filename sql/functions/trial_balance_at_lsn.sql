-- trial_balance_at_lsn(book text, lsn bigint): the trial balance of a book as it stood at a
-- position of the log.
SELECT book,
       asset,
       sum(debits)::numeric(38,0) AS debits,
       sum(credits)::numeric(38,0) AS credits
  FROM "at a moment".accounts AS "the accounts"
 WHERE book = $1::text
   AND as_of_lsn = $2::bigint
 GROUP BY book, asset
