-- trial_balance_at(book text, t timestamptz): the trial balance of a book as it stood at a moment
-- of recorded time.
SELECT book,
       asset,
       sum(debits)::numeric(38,0) AS debits,
       sum(credits)::numeric(38,0) AS credits
  FROM "at a moment".accounts AS "the accounts"
 WHERE book = $1::text
   AND as_of = $2::timestamptz
 GROUP BY book, asset
