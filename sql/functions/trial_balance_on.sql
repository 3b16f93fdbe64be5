-- trial_balance_on(book text, day date): the trial balance of a book at the end of a day by the
-- time that transactions say of themselves. One that says nothing happened when it was recorded.
-- Days end at midnight in the session's zone. Assets without a posting by then have no row.
SELECT book,
       asset,
       coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0)::numeric(38,0) AS debits,
       coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0)::numeric(38,0) AS credits
  FROM public.postings AS "the postings"
 WHERE book = $1::text
   AND coalesce(occurred_at, committed_at) < ($2::date + 1)::timestamptz
 GROUP BY book, asset
